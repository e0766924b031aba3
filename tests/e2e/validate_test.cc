// `fairlead export --validate`: the artifact against the reference.
#include <limits>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class Validate : public ProgramTest {
 protected:
  fs::path out() const { return dir() / "artifact"; }
  Outcome Export(const fs::path& model, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"export", "--model", model, out(), "--validate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Fairlead(arguments);
  }
};

TEST_F(Validate, SaysHowFarTheLogitsAre) {
  const Outcome outcome = Export(TinyModel());
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  const std::vector<std::string> lines = Lines(outcome.out);
  ASSERT_EQ(lines.size(), 2u) << outcome;
  EXPECT_TRUE(
      lines[1].starts_with("validation: 4 prompts, 64 positions, largest difference of a logit "))
      << outcome;
  EXPECT_TRUE(lines[1].ends_with(", top-1 agreement 64 of 64")) << outcome;
  Succeed({"load", out(), "--verify"});
}

TEST_F(Validate, WorksForRanksAndWithoutWeights) {
  const std::vector<std::vector<std::string>> ways = {
      {},
      {"--tp_degree", "4"},
      {"--tp_degree", "2", "--ep_degree", "2"},
      {"--no_weights"},
      {"--no_weights", "--tp_degree", "4"},
  };
  for (const std::vector<std::string>& way : ways) {
    fs::remove_all(out());
    std::vector<std::string> options = {"--json"};
    options.insert(options.end(), way.begin(), way.end());
    const Outcome outcome = Export(GoldenDir("shard_mxfp4"), options);
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    const Json result = Json::parse(outcome.out)["validation"];
    EXPECT_EQ(result["prompts"], 4);
    EXPECT_EQ(result["positions"], 64);
    EXPECT_EQ(result["top1_agreements"], 64);
    EXPECT_EQ(result["atol"], 0.01);
    EXPECT_GT(result["max_difference"], 0) << "the ranks add in another order";
    EXPECT_LT(result["max_difference"], 1e-3);
  }
}

TEST_F(Validate, ReplacesNothing) {
  Succeed({"export", "--model", TinyModel(), out()});
  const Outcome outcome = Export(GoldenDir("shard_mxfp4"), {"--force"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome;
  EXPECT_NE(outcome.err.find("--validate: expected a new folder, got "), std::string::npos)
      << outcome;
  EXPECT_EQ(Json::parse(Succeed({"load", out(), "--json"}))["ranks"], 1);
}

// The reference runs what the checkpoint has, not what was made of it.
TEST_F(Validate, SeesRounding) {
  const Outcome outcome =
      Export(GoldenDir("float32_weights"), {"--torch_dtype", "bfloat16", "--json"});
  ASSERT_NE(outcome.out, "") << outcome;
  EXPECT_GT(Json::parse(outcome.out)["validation"]["max_difference"], 1e-3) << outcome;
}

TEST_F(Validate, FailsBeyondTheTolerance) {
  for (const char* degree : {"1", "4"}) {
    fs::remove_all(out());
    const Outcome outcome =
        Export(GoldenDir("shard_mxfp4"), {"--atol", "0", "--tp_degree", degree});
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_NE(outcome.out.find("validation: "), std::string::npos) << outcome;
    EXPECT_NE(outcome.err.find("fairlead: [export] " + out().string() +
                               ": expected logits within 0 of the reference, got "),
              std::string::npos)
        << outcome;
    EXPECT_TRUE(outcome.err.ends_with("; the artifact stays\n")) << outcome;
    Succeed({"load", out(), "--verify"});
  }
}

// The logits that follow a NaN are equal, and must not hide it.
TEST_F(Validate, ANanFails) {
  const fs::path model = dir() / "model";
  CopyModel(GoldenDir("float32_weights"), model);
  EditTensors(model / "model.safetensors", [](Tensors& tensors) {
    Tensor& head = tensors.at("lm_head.weight");
    head.As<float>()[3 * static_cast<size_t>(head.shape[1])] =
        std::numeric_limits<float>::quiet_NaN();
  });
  const Outcome outcome = Export(model);
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("expected logits within 0.01 of the reference, got nan"),
            std::string::npos)
      << outcome;
}

}  // namespace
}  // namespace fairlead::e2e
