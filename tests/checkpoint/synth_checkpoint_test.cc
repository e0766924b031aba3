#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "checkpoint/checkpoint.h"
#include "tests/base/temp_dir.h"
#include "tools/synth_checkpoint/write_checkpoint.h"

namespace fairlead::synth {
namespace {

ModelSpec SmallSpec() {
  return {.layers = 3,
          .hidden = 64,
          .intermediate = 32,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .experts = 4,
          .experts_per_token = 2,
          .vocabulary = 100};
}

class SynthCheckpoint : public testing::Test {
 protected:
  Status Write(const std::string& name, const ModelSpec& spec, const WriteOptions& options) {
    return WriteCheckpoint(dir_.path() / name, spec, options, [](uint64_t, uint64_t) {});
  }
  std::shared_ptr<const Checkpoint> Open(const std::string& name) {
    auto checkpoint = Checkpoint::Open(dir_.path() / name);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    return *checkpoint;
  }
  static bool SameBytes(const TensorView& a, const TensorView& b) {
    return a.bytes.size() == b.bytes.size() &&
           std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
  }

  TempDir dir_;
};

TEST_F(SynthCheckpoint, DefaultsHaveThePublishedSize) {
  uint64_t total = 0;
  for (const TensorSpec& tensor : ModelTensors({})) total += tensor.bytes();
  EXPECT_EQ(total, 13'761'264'768u);  // metadata.total_size of openai/gpt-oss-20b
}

TEST_F(SynthCheckpoint, ShardsAndIndexOpenAsOneCheckpoint) {
  const auto written = Write("model", SmallSpec(), {.shard_bytes = 30'000});
  ASSERT_TRUE(written) << written.error().message;
  const auto checkpoint = Open("model");
  EXPECT_GT(checkpoint->files().size(), 2u);
  EXPECT_EQ(checkpoint->names().size(), ModelTensors(SmallSpec()).size());
  for (const TensorSpec& tensor : ModelTensors(SmallSpec())) {
    const auto view = checkpoint->Find(tensor.name);
    ASSERT_TRUE(view.has_value()) << tensor.name;
    EXPECT_EQ(view->shape, tensor.shape);
    EXPECT_EQ(view->dtype, tensor.dtype);
  }
  EXPECT_EQ(checkpoint->config()["num_hidden_layers"], 3);
  EXPECT_EQ(checkpoint->generation_config()["eos_token_id"], Json::array({99}));
}

TEST_F(SynthCheckpoint, WeightsHaveTheDeclaredDistribution) {
  ASSERT_TRUE(Write("model", SmallSpec(), {}));
  const auto checkpoint = Open("model");
  const TensorView embedding = *checkpoint->Find("model.embed_tokens.weight");
  double sum = 0;
  double squares = 0;
  const auto count = static_cast<size_t>(NumElements(embedding.shape));
  for (size_t i = 0; i < count; ++i) {
    const double value = Bf16ToFloat({embedding.At<uint16_t>(i)});
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / static_cast<double>(count), 0, 0.003);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(count)), 0.05, 0.003);
  std::set<int> scales;
  const TensorView stored = *checkpoint->Find("model.layers.0.mlp.experts.gate_up_proj_scales");
  for (size_t i = 0; i < stored.bytes.size(); ++i) scales.insert(stored.At<uint8_t>(i));
  EXPECT_EQ(scales, (std::set<int>{118, 119, 120, 121}));
}

TEST_F(SynthCheckpoint, SliceHoldsTheSameLayersAsTheWhole) {
  ModelSpec slice = SmallSpec();
  slice.layers = 1;
  ASSERT_TRUE(Write("whole", SmallSpec(), {.seed = 7}) && Write("slice", slice, {.seed = 7}) &&
              Write("other", slice, {.seed = 8}));
  const auto whole = Open("whole");
  const auto other = Open("other");
  for (const std::string& name : Open("slice")->names()) {
    EXPECT_TRUE(SameBytes(*Open("slice")->Find(name), *whole->Find(name))) << name;
    EXPECT_FALSE(SameBytes(*other->Find(name), *whole->Find(name))) << name;
  }
}

TEST_F(SynthCheckpoint, ExistingTargetsAreReplacedOnlyWhenForcedAndCheckpoints) {
  ASSERT_TRUE(Write("model", SmallSpec(), {.seed = 1}));
  EXPECT_FALSE(Write("model", SmallSpec(), {.seed = 2}));
  EXPECT_TRUE(Write("model", SmallSpec(), {.seed = 2, .force = true}));
  const auto precious = dir_.Write("photos/cat.jpg", "x");
  EXPECT_FALSE(Write("photos", SmallSpec(), {.force = true}));
  EXPECT_TRUE(std::filesystem::exists(precious));
}

TEST_F(SynthCheckpoint, ImpossibleSizesLeaveNothingBehind) {
  std::vector<ModelSpec> impossible(5, SmallSpec());
  impossible[0].hidden = 40;
  impossible[1].intermediate = 33;
  impossible[2].head_dim = 7;
  impossible[3].kv_heads = 3;
  impossible[4].experts_per_token = 5;
  for (const ModelSpec& spec : impossible) EXPECT_FALSE(Write("model", spec, {}));
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

}  // namespace
}  // namespace fairlead::synth
