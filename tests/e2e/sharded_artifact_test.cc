// Artifacts for several ranks: they say and do what one rank's do, and a rank maps its own file.
#include <fmt/format.h>

#include <set>

#include "artifact/artifact.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class ShardedArtifact : public ProgramTest {
 protected:
  fs::path Export(const fs::path& model, const std::string& tp, const std::string& ep = "1") const {
    const fs::path out = dir() / ("tp" + tp + "ep" + ep);
    Succeed({"export", "--model", model, out, "--tensor_parallel_size", tp,
             "--expert_parallel_size", ep});
    return out;
  }
  std::string Generate(const fs::path& model, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"generate", model, "--prompts", "The ship|A boat",
                                          "--length", "24",  "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Succeed(arguments);
  }
};

TEST_F(ShardedArtifact, GreedyTextIsThatOfOneRank) {
  const std::string expected = Generate(TinyModel());
  const int heads = TinyConfig()["num_attention_heads"];
  const std::string half = std::to_string(heads / 2);
  for (const std::string& degree : {std::string("2"), half, std::to_string(heads)}) {
    EXPECT_EQ(Generate(TinyModel(), {"--tensor_parallel_size", degree}), expected) << degree;
    const fs::path artifact = Export(TinyModel(), degree);
    EXPECT_EQ(Generate(artifact), expected) << degree;
    EXPECT_EQ(Generate(artifact, {"--tp_degree", degree}), expected) << degree;
  }
  EXPECT_EQ(Generate(TinyModel(), {"--tp_degree", half, "--ep_degree", "2"}), expected);
}

TEST_F(ShardedArtifact, LoadCountsAllRanks) {
  const int ranks = TinyConfig()["num_attention_heads"];
  const Json one = Json::parse(Succeed({"load", Export(TinyModel(), "1"), "--json"}));
  const fs::path artifact = Export(TinyModel(), std::to_string(ranks / 2), "2");
  const Json several = Json::parse(Succeed({"load", artifact, "--verify", "--json"}));
  EXPECT_EQ(one["ranks"], 1);
  const int tensors = ranks * one["tensors"].get<int>();
  EXPECT_EQ(several["ranks"], ranks);
  EXPECT_EQ(several["tensors"], tensors);
  EXPECT_EQ(several["checksums_verified"], true);
  const std::string text = Succeed({"load", artifact});
  EXPECT_NE(text.find(fmt::format(": {} ranks, {} tensors, ", ranks, tensors)), std::string::npos)
      << text;
}

// The files of weights that this process has mapped.
std::set<std::string> MappedWeights() {
  std::set<std::string> names;
  for (const std::string& line : Lines(ReadText("/proc/self/maps"))) {
    const size_t at = line.find("/weights/rank-");
    if (at != std::string::npos) names.insert(line.substr(at + 9));
  }
  return names;
}

TEST_F(ShardedArtifact, ARankMapsOnlyItsOwnFile) {
  using Strings = std::set<std::string>;
  const fs::path path = Export(GoldenDir("shard_mxfp4"), "2", "2");
  {
    const auto artifact = LoadArtifact(path, {.rank = 1});
    ASSERT_TRUE(artifact) << artifact.error().message;
    EXPECT_EQ((*artifact)->ranks.size(), 1u);
    EXPECT_EQ(MappedWeights(), Strings{"rank-00001-of-00004.safetensors"});
  }
  EXPECT_EQ(MappedWeights(), Strings{});
  const auto whole = LoadArtifact(path);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(MappedWeights().size(), 4u);
}

TEST_F(ShardedArtifact, ARankNeedsNoOtherFile) {
  const fs::path path = Export(GoldenDir("shard_mxfp4"), "4");
  for (const char* other : {"00000", "00001", "00003"}) {
    fs::remove(path / "weights" / ("rank-" + std::string(other) + "-of-00004.safetensors"));
  }
  const auto artifact = LoadArtifact(path, {.verify_checksums = true, .rank = 2});
  EXPECT_TRUE(artifact) << artifact.error().message;
  EXPECT_FALSE(LoadArtifact(path, {.rank = 1}));
  for (const int rank : {-1, 4}) {
    const auto none = LoadArtifact(path, {.rank = rank});
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message.find("rank: expected 0 to 3, got "), std::string::npos);
  }
}

class CompareDegrees : public ShardedArtifact {
 protected:
  Outcome Compare(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "compare");
    return Fairlead(arguments);
  }
  void ExpectAgreement(const std::vector<std::string>& arguments) const {
    const Outcome outcome = Compare(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_NE(outcome.out.find("34 values agree within 0.0001"), std::string::npos) << outcome;
  }
};

TEST_F(CompareDegrees, AllValuesAgreeAcrossDegrees) {
  const fs::path model = GoldenDir("shard_mxfp4");
  for (const char* side : {"cpu@4", "cpu@2x2", "reference@2", "cpu@1"}) {
    ExpectAgreement({model, "--a", "reference", "--b", side, "--tolerance", "1e-4"});
  }
  const fs::path one = Export(model, "1"), four = Export(model, "4");
  ExpectAgreement({one, "--model_b", four, "--a", "cpu", "--b", "cpu", "--tolerance", "1e-4"});
  ExpectAgreement({four, "--model_b", one, "--a", "cpu", "--b", "cpu", "--tolerance", "1e-4"});
}

TEST_F(CompareDegrees, FindsTheFirstValueThatDiffers) {
  const fs::path model = GoldenDir("shard_mxfp4");
  const fs::path values = dir() / "values.safetensors", inject = dir() / "inject.safetensors";
  const std::vector<std::string> ids = {"--token_ids", "3,14,15,92,65,35"};
  Succeed({"logits", model, ids[0], ids[1], "--dump", "*", "--output", values});
  const std::string name = "layers.0.self_attn.context";
  Tensor context = ReadTensors(values).at(name);
  const auto columns = static_cast<size_t>(context.shape[1]);
  context.As<float>()[2 * columns + 7] += 10;
  WriteTensors(inject, {{name, context}});
  for (const char* side : {"cpu@4", "cpu@2x2"}) {
    const Outcome outcome =
        Compare({model, "--a", values, "--b", side, "--inject", inject, "--json"});
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    const Json first = Json::parse(outcome.out)["first_divergence"];
    EXPECT_EQ(first["name"], name);
    EXPECT_EQ(first["row"], 2);
    EXPECT_EQ(first["column"], 7);
    // Both sides see what is injected, whatever their degrees.
    ExpectAgreement(
        {model, ids[0], ids[1], "--b", side, "--inject", inject, "--tolerance", "1e-4"});
  }
}

TEST_F(CompareDegrees, AnotherModelDiffersAtOnce) {
  const fs::path changed = dir() / "changed";
  CopyModel(GoldenDir("shard_bf16"), changed);
  for (const fs::directory_entry& entry : fs::directory_iterator(changed)) {
    if (entry.path().extension() != ".safetensors") continue;
    EditTensors(entry.path(), [](Tensors& tensors) {
      const auto norm = tensors.find("model.layers.1.input_layernorm.weight");
      if (norm != tensors.end()) norm->second.bytes[7] ^= std::byte{0x40};
    });
  }
  const Outcome outcome =
      Compare({GoldenDir("shard_bf16"), "--model_b", changed, "--b", "cpu@2x2"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_TRUE(outcome.out.starts_with("first divergence: layers.1.input_layernorm: ")) << outcome;
}

}  // namespace
}  // namespace fairlead::e2e
