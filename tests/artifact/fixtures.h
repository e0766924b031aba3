// What the artifact tests share: a backend that only chooses layouts, models of the golden
// checkpoints, and checkpoints put together tensor by tensor.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/mxfp4.h"
#include "models/model.h"
#include "tests/base/temp_dir.h"

namespace fairlead {

class LayoutBackend : public Backend {
 public:
  using Choose = std::function<Layout(const Parameter&, StorageFormat)>;
  explicit LayoutBackend(Choose choose = PanelLayout) : choose_(std::move(choose)) {}

  std::string_view name() const override { return "layout-only"; }
  Layout ChooseLayout(const Parameter& parameter, StorageFormat format) const override {
    return choose_(parameter, format);
  }
  Result<std::unique_ptr<Executor>> Load(std::shared_ptr<const Program>,
                                         const ExecutorOptions&) const override {
    return Fail(ErrorCode::kUnsupported, "test", "this backend runs nothing");
  }

 private:
  Choose choose_;
};

inline std::filesystem::path GoldenDir(const std::string& name) {
  return std::filesystem::path(FAIRLEAD_TEST_DATA) / "goldens" / name;
}

inline std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenDir(""))) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline std::shared_ptr<const Checkpoint> OpenCheckpoint(const std::filesystem::path& dir) {
  auto checkpoint = Checkpoint::Open(dir);
  EXPECT_TRUE(checkpoint) << checkpoint.error().message;
  return checkpoint.value_or(nullptr);
}

inline Graph BuildGraph(const Checkpoint& checkpoint) {
  const auto model = CreateModel(checkpoint.config(), checkpoint.generation_config());
  EXPECT_TRUE(model) << model.error().message;
  auto graph = (*model)->BuildGraph({});
  EXPECT_TRUE(graph) << graph.error().message;
  return std::move(*graph);
}

// A graph of nothing but parameters.
inline Graph GraphOf(std::vector<Parameter> parameters) {
  Graph graph;
  for (Parameter& parameter : parameters) {
    graph.values.push_back({parameter.name, {}, std::move(parameter)});
  }
  return graph;
}

// Element (expert, row, column) of a parameter as the checkpoint has it, computed the plain way.
inline float CheckpointValue(const Parameter& parameter, const Checkpoint& checkpoint,
                             int64_t expert, int64_t row, int64_t column) {
  const PackedTensor sizes{{}, parameter.shape, {}};
  const int64_t matrix = expert * sizes.rows() * sizes.columns();
  for (const ParameterSource& source : parameter.sources) {
    const auto tensor = checkpoint.Find(source.tensors[0]);
    if (!tensor) continue;
    int64_t index = matrix + row * sizes.columns() + column;
    if (source.transform == Transform::kMxfp4) {
      const auto scales = checkpoint.Find(source.tensors[1]);
      const auto code = tensor->At<uint8_t>(static_cast<size_t>(index / 2));
      return kE2m1Values[index % 2 == 0 ? code & 15 : code >> 4] *
             E8m0ToFloat(scales->At<uint8_t>(static_cast<size_t>(index / 32)));
    }
    if (source.transform == Transform::kTranspose) index = matrix + column * sizes.rows() + row;
    const auto at = static_cast<size_t>(index);
    if (tensor->dtype == DType::kF32) return tensor->At<float>(at);
    if (tensor->dtype == DType::kBf16) return Bf16ToFloat(tensor->At<Bf16>(at));
    return F16ToFloat(tensor->At<uint16_t>(at));
  }
  ADD_FAILURE() << parameter.name << ": no source in the checkpoint";
  return 0;
}

// Every element of every parameter, read back from `weights`, is `expected` of the checkpoint's
// value, to the last bit.
inline void ExpectWeights(
    const Graph& graph, const Checkpoint& checkpoint, const Weights& weights,
    const std::function<float(const Parameter&, float)>& expected = [](const Parameter&, float v) {
      return v;
    }) {
  for (const Parameter* parameter : graph.parameters()) {
    ASSERT_TRUE(weights.tensors.contains(parameter->name)) << parameter->name;
    const PackedTensor& tensor = weights.tensors.at(parameter->name);
    ASSERT_EQ(tensor.shape, parameter->shape) << parameter->name;
    ASSERT_EQ(static_cast<int64_t>(tensor.bytes.size()), tensor.expected_bytes());
    std::vector<float> row(static_cast<size_t>(tensor.columns()));
    for (int64_t expert = 0; expert < tensor.experts(); ++expert) {
      for (int64_t r = 0; r < tensor.rows(); ++r) {
        ReadRow(tensor, expert, r, row.data());
        for (int64_t k = 0; k < tensor.columns(); ++k) {
          const float value =
              expected(*parameter, CheckpointValue(*parameter, checkpoint, expert, r, k));
          ASSERT_EQ(std::bit_cast<uint32_t>(row[static_cast<size_t>(k)]),
                    std::bit_cast<uint32_t>(value))
              << parameter->name << " [" << expert << ", " << r << ", " << k << "]";
        }
      }
    }
  }
}

}  // namespace fairlead
