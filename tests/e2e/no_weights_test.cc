// `fairlead export --no_weights`: a small folder that finds its checkpoint again.
#include <chrono>

#include "tests/e2e/artifacts.h"
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
  const int heads = TinyConfig()["num_attention_heads"];
  for (const std::string& degree : {std::string("1"), std::to_string(heads / 2)}) {
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

TEST_F(NoWeights, ChecksAndUsesItsOwnFiles) {
  Make();
  const std::string expected = Text(out());
  for (const char* name : {"tokenizer.json", "generation_config.json"}) {
    fs::remove(checkpoint() / name);
  }
  fs::remove_all(cache());
  EXPECT_EQ(Text(out()), expected);
  const std::string loaded = Succeed({"load", out(), "--verify"});
  EXPECT_NE(loaded.find("no weights: they are made from "), std::string::npos) << loaded;
  EXPECT_NE(loaded.find("checksums match"), std::string::npos) << loaded;
  FlipLastByte(out() / "tokenizer.bin");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"load", out(), "--verify"},
        {"generate", out(), "--prompts", "The ship"}}) {
    const Outcome outcome = Fairlead(command);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_NE(outcome.err.find("tokenizer.bin: its checksum is wrong"), std::string::npos)
        << outcome;
  }
}

// What does not decide the weights does not multiply them.
TEST_F(NoWeights, OtherOptionsShareTheCachedWeights) {
  for (const char* batch : {"1", "2"}) {
    Make({"--batch_size", batch, "--sequence_length", batch[0] == '1' ? "64" : "128"});
    Text(out());
  }
  Text(checkpoint());
  EXPECT_EQ(Cached(), 1u);
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
