// Which part of which parameter each rank holds, against rules that are written here once more.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <regex>

#include "artifact/convert.h"
#include "backends/cpu/cpu_backend.h"
#include "tests/parity/golden.h"
#include "tests/parity/sharding_rules.h"

namespace fairlead::testing {
namespace {

Indices Expand(const Axis& axis) {
  Indices indices;
  for (const Range& range : axis.ranges()) {
    for (int64_t i = 0; i < range.count; ++i) indices.push_back(range.start + i);
  }
  return indices;
}

std::vector<Indices> ExpandAll(const Parameter& parameter) {
  std::vector<Indices> held;
  for (size_t dim = 0; dim < parameter.shape.size(); ++dim) {
    held.push_back(Expand(parameter.axis(dim)));
  }
  return held;
}

// A parameter as [matrices, rows, columns].
std::vector<Indices> AsMatrices(std::vector<Indices> held) {
  while (held.size() < 3) held.insert(held.begin(), {0});
  return held;
}

// Whether exactly one rank holds each element: not what every rank needs, nor kv heads that several
// ranks read.
bool Divided(const Parameter& whole, const Sizes& sizes, Degrees degrees) {
  const std::string& name = whole.name;
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (has("norm") || has("router") || has("o_proj.bias")) return false;
  return sizes.kv_heads % degrees.ranks() == 0 || !(has("k_proj") || has("v_proj"));
}

// Whether each rank of a group gets whole MXFP4 blocks of an expert matrix's columns.
bool KeepsBlocks(const Parameter& parameter, const Sizes& sizes, Degrees degrees) {
  return !parameter.name.ends_with("down_proj") || degrees.tp <= sizes.intermediate / 32;
}

// The numbers in a message after `label`; none where it says "none".
Indices ListAfter(const std::string& message, const std::string& label) {
  std::smatch match;
  EXPECT_TRUE(std::regex_search(message, match, std::regex(label + ": ([0-9, ]+|none)(;|$)")))
      << message << " lacks " << label;
  Indices numbers;
  const std::string list = match.empty() ? "" : match[1].str();
  const std::regex number("[0-9]+");
  for (std::sregex_iterator i(list.begin(), list.end(), number), end; i != end; ++i) {
    numbers.push_back(std::stoll(i->str()));
  }
  return numbers;
}

// That the model refuses the degrees and tells which others go with one of them.
void ExpectRefusal(const Model& model, const Sizes& sizes, Degrees degrees) {
  SCOPED_TRACE(degrees.ToString());
  const auto graph = model.BuildGraph({0, degrees.tp, degrees.ep});
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
  const std::string& message = graph.error().message;
  EXPECT_NE(message.find(fmt::format("tp_degree {} x ep_degree {}", degrees.tp, degrees.ep)),
            std::string::npos)
      << message;
  const auto heads = static_cast<int>(sizes.heads);
  const int tp = std::clamp(degrees.tp, 1, heads), ep = std::clamp(degrees.ep, 1, heads);
  Indices with_ep, with_tp;
  for (int degree = 1; degree <= heads; ++degree) {
    if (!MustRefuse(sizes, {degree, ep})) with_ep.push_back(degree);
    if (!MustRefuse(sizes, {tp, degree})) with_tp.push_back(degree);
  }
  EXPECT_EQ(ListAfter(message, fmt::format("valid tp_degree with ep_degree {}", ep)), with_ep);
  EXPECT_EQ(ListAfter(message, fmt::format("valid ep_degree with tp_degree {}", tp)), with_tp);
}

class Slices : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto golden = LoadGolden(GetParam());
    ASSERT_TRUE(golden) << golden.error().message;
    golden_ = std::move(*golden);
    auto model = CreateModel(golden_.checkpoint->config(), {});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    whole_ = model_->BuildGraph({}).value();
    sizes_ = SizesOf(whole_);
    for (Degrees degrees : AllDegrees()) {
      (MustRefuse(sizes_, degrees) ? refused_ : degrees_).push_back(degrees);
    }
    ASSERT_GE(degrees_.size(), 2u);
    ASSERT_GE(refused_.size(), 1u);
  }

  std::vector<Graph> RankGraphs(Degrees degrees) const {
    std::vector<Graph> graphs;
    for (int rank = 0; rank < degrees.ranks(); ++rank) {
      auto graph = model_->BuildGraph({rank, degrees.tp, degrees.ep});
      EXPECT_TRUE(graph) << graph.error().message;
      if (graph) graphs.push_back(std::move(*graph));
    }
    return graphs;
  }

  GoldenCase golden_;
  std::unique_ptr<const Model> model_;
  Graph whole_;
  Sizes sizes_;
  std::vector<Degrees> degrees_;  // those that divide this model
  std::vector<Degrees> refused_;
};

TEST_P(Slices, OtherDegreesAreRefusedWithTheValidOnes) {
  for (Degrees degrees : refused_) ExpectRefusal(*model_, sizes_, degrees);
  for (Degrees degrees : {Degrees{0, 1}, {1, 0}, {-2, 3}, {1 << 30, 1 << 30}, {1, 1 << 20}}) {
    ExpectRefusal(*model_, sizes_, degrees);
  }
}

TEST_P(Slices, AreWhatTheRulesSay) {
  const std::vector<const Parameter*> whole = whole_.parameters();
  for (Degrees degrees : degrees_) {
    const std::vector<Graph> graphs = RankGraphs(degrees);
    for (size_t rank = 0; rank < graphs.size(); ++rank) {
      SCOPED_TRACE(fmt::format("{} rank {}", degrees.ToString(), rank));
      const std::vector<const Parameter*> mine = graphs[rank].parameters();
      ASSERT_EQ(mine.size(), whole.size());
      for (size_t p = 0; p < mine.size(); ++p) {
        SCOPED_TRACE(whole[p]->name);
        EXPECT_EQ(mine[p]->name, whole[p]->name);
        EXPECT_EQ(mine[p]->whole_shape(), whole[p]->shape);
        const auto held = HeldIndices(*whole[p], sizes_, degrees, static_cast<int>(rank));
        EXPECT_EQ(ExpandAll(*mine[p]), held);
        for (size_t dim = 0; dim < held.size(); ++dim) {
          EXPECT_EQ(mine[p]->shape[dim], static_cast<int64_t>(held[dim].size()));
        }
      }
    }
  }
}

TEST_P(Slices, CoverEveryElementOnce) {
  const std::vector<const Parameter*> whole = whole_.parameters();
  for (Degrees degrees : degrees_) {
    SCOPED_TRACE(degrees.ToString());
    const std::vector<Graph> graphs = RankGraphs(degrees);
    for (size_t p = 0; p < whole.size(); ++p) {
      const Shape& shape = whole[p]->shape;
      std::vector<int> times(static_cast<size_t>(
          std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>())));
      for (const Graph& graph : graphs) {
        const Parameter& mine = *graph.parameters()[p];
        if (mine.zero) continue;
        const auto held = AsMatrices(ExpandAll(mine));
        const int64_t rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
        for (int64_t matrix : held[0]) {
          for (int64_t row : held[1]) {
            int* first = times.data() + (matrix * rows + row) * shape.back();
            for (int64_t column : held[2]) ++first[column];
          }
        }
      }
      const auto [fewest, most] = std::minmax_element(times.begin(), times.end());
      EXPECT_GE(*fewest, 1) << whole[p]->name;
      if (Divided(*whole[p], sizes_, degrees)) {
        EXPECT_EQ(*most, 1) << whole[p]->name;
      }
    }
  }
}

TEST_P(Slices, HoldTheNumbersOfTheWhole) {
  const Weights all = PackInMemory(whole_, *golden_.checkpoint, CpuBackend()).value();
  std::vector<float> row, whole_row, expected;
  for (Degrees degrees : degrees_) {
    for (const Graph& graph : RankGraphs(degrees)) {
      const auto packed = PackInMemory(graph, *golden_.checkpoint, CpuBackend());
      ASSERT_TRUE(packed) << packed.error().message;
      for (const Parameter* mine : graph.parameters()) {
        SCOPED_TRACE(fmt::format("{} {}", degrees.ToString(), mine->name));
        const PackedTensor& found = packed->tensors.at(mine->name);
        const PackedTensor& from = all.tensors.at(mine->name);
        ASSERT_EQ(found.shape, mine->shape);
        ASSERT_EQ(static_cast<int64_t>(found.bytes.size()), found.expected_bytes());
        // MXFP4 stays packed where a rank's columns are whole blocks.
        const bool packed_before = from.layout.format == StorageFormat::kMxfp4;
        EXPECT_EQ(found.layout.format == StorageFormat::kMxfp4,
                  packed_before && KeepsBlocks(*mine, sizes_, degrees));
        const auto held = AsMatrices(ExpandAll(*mine));
        row.resize(static_cast<size_t>(found.columns()));
        whole_row.resize(static_cast<size_t>(from.columns()));
        for (size_t m = 0; m < held[0].size(); ++m) {
          for (size_t r = 0; r < held[1].size(); ++r) {
            ReadRow(found, static_cast<int64_t>(m), static_cast<int64_t>(r), row.data());
            ReadRow(from, held[0][m], held[1][r], whole_row.data());
            expected.clear();
            for (int64_t column : held[2]) {
              expected.push_back(mine->zero ? 0.0f : whole_row[static_cast<size_t>(column)]);
            }
            ASSERT_EQ(row, expected);
          }
        }
      }
    }
  }
}

// No golden is small enough for these.
TEST(SlicesOfSmallModels, EveryRankNeedsAPartOfVocabularyAndIntermediateSize) {
  Json config = LoadGolden("shard_bf16")->checkpoint->config();  // 24 heads, 4 experts
  config["vocab_size"] = 11;
  config["eos_token_id"] = 10;
  config["intermediate_size"] = 5;
  const auto model = CreateModel(config, {});
  ASSERT_TRUE(model) << model.error().message;
  const Sizes sizes = SizesOf((*model)->BuildGraph({}).value());
  EXPECT_TRUE((*model)->BuildGraph({7, 4, 2}));
  EXPECT_TRUE((*model)->BuildGraph({5, 3, 2}));
  ExpectRefusal(**model, sizes, {12, 1});  // vocabulary and intermediate size
  ExpectRefusal(**model, sizes, {6, 1});   // intermediate size
  ExpectRefusal(**model, sizes, {3, 4});   // vocabulary
}

INSTANTIATE_TEST_SUITE_P(Goldens, Slices, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace fairlead::testing
