// `fairlead export --no_weights`: a small folder that finds its checkpoint again.
#include <chrono>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class NoWeights : public ProgramTest {
 protected:
  fs::path out() const { return dir() / "small"; }
  fs::path checkpoint() const { return dir() / "checkpoint"; }

  void SetUp() override { CopyModel(TinyModel(), checkpoint()); }
  void Make(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"export",       "--model", checkpoint(),
                                          "--no_weights", out(),     "--force"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Succeed(arguments);
  }
  std::vector<std::byte> Logits(const fs::path& model) const {
    const fs::path file = dir() / "logits.safetensors";
    Succeed({"logits", model, "--token_ids", "1,2,3,4,5", "--output", file});
    return ReadTensors(file).at("logits").bytes;
  }
  std::string Text(const fs::path& model) const {
    return Succeed({"generate", model, "--prompts", "The ship|A boat", "--length", "24", "--json"});
  }
  size_t Cached() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(cache())) count += entry.is_directory();
    return count;
  }
};

TEST_F(NoWeights, GivesTheBitsOfAFullExport) {
  for (const char* degree : {"1", "3"}) {
    const fs::path full = dir() / "full";
    Succeed({"export", "--model", checkpoint(), full, "--force", "--tp_degree", degree});
    Make({"--tp_degree", degree});
    EXPECT_FALSE(fs::exists(out() / "weights"));
    EXPECT_EQ(Logits(out()), Logits(full)) << degree;
    EXPECT_EQ(Text(out()), Text(full)) << degree;
  }
}

TEST_F(NoWeights, MayBeCopiedAnywhere) {
  Make({"--tp_degree", "2"});
  const std::string expected = Text(out());
  const fs::path copy = dir() / "far" / "away";
  CopyModel(out(), copy);
  fs::remove_all(out());
  EXPECT_EQ(Text(copy), expected);
  EXPECT_EQ(Cached(), 1u) << "weights are made once";
}

TEST_F(NoWeights, FindsACheckpointThatWasNamedFromElsewhere) {
  const fs::path before = fs::current_path();
  fs::current_path(dir());
  Succeed({"export", "--model", "./checkpoint", "--no_weights", out()});
  fs::current_path(before);
  EXPECT_EQ(Text(out()), Text(checkpoint()));
}

TEST_F(NoWeights, TimesOfTheCheckpointDoNotMatter) {
  Make();
  const std::string expected = Text(out());
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoint())) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() + std::chrono::hours(1));
  }
  EXPECT_EQ(Text(out()), expected);
}

TEST_F(NoWeights, AnotherCheckpointIsRefusedEvenAfterTheFirstWasCached) {
  Make();
  Text(out());
  EditTensors(checkpoint() / "model.safetensors",
              [](Tensors& tensors) { tensors.at("model.norm.weight").bytes[0] ^= std::byte{1}; });
  const Outcome outcome = Fairlead({"generate", out(), "--prompts", "The ship"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_EQ(outcome.out, "");
  ASSERT_EQ(outcome.ErrorLines().size(), 1u) << outcome;
  EXPECT_NE(outcome.err.find("small: expected the checkpoint with hash "), std::string::npos)
      << outcome;
}

}  // namespace
}  // namespace fairlead::e2e
