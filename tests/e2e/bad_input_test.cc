// Everything that can be wrong from outside: one line that says what, and nothing left behind.
#include "tests/e2e/bad_input.h"

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

constexpr double kSlowest = 10;  // seconds

// An artifact that is made once, when it is first asked for.
class OnceExported {
 public:
  OnceExported(const fs::path& model, const std::vector<std::string>& options)
      : path_(dir_.path() / "sound") {
    Invocation invocation{{"export", "--model", model, path_}};
    invocation.arguments.insert(invocation.arguments.end(), options.begin(), options.end());
    const Outcome made = RunFairlead(invocation);
    EXPECT_EQ(made.exit_code, 0) << made;
  }
  const fs::path& path() const { return path_; }

 private:
  TempDir dir_;
  fs::path path_;
};

const fs::path& SoundArtifact() {
  static const OnceExported artifact(TinyModel(), {});
  return artifact.path();
}

const fs::path& ShardedArtifact() {
  static const OnceExported artifact(GoldenDir("shard_mxfp4"),
                                     {"--tp_degree", "2", "--ep_degree", "2"});
  return artifact.path();
}

const fs::path& WeightlessArtifact() {
  static const OnceExported artifact(TinyModel(), {"--no_weights"});
  return artifact.path();
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class BadInput : public ProgramTest {
 protected:
  // DIR and SOUND filled in.
  std::string Filled(const std::string& text) const {
    std::string filled = Replaced(text, "DIR", dir().string());
    filled = Replaced(filled, "SOUND", SoundArtifact().string());
    filled = Replaced(filled, "SHARDED", ShardedArtifact().string());
    return Replaced(filled, "WEIGHTLESS", WeightlessArtifact().string());
  }

  // One line on stderr beside those of the progress; nothing on stdout; no crash; soon.
  void ExpectRefusal(const Invocation& invocation, int exit_code, const std::string& message) {
    const Outcome outcome = Fairlead(invocation);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_LT(outcome.seconds, kSlowest);
    std::vector<std::string> lines = outcome.ErrorLines();
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("exporting"); });
    ASSERT_EQ(lines.size(), 1u) << outcome;
    EXPECT_TRUE(lines[0].starts_with("fairlead: ")) << outcome;
    EXPECT_NE(lines[0].find(message), std::string::npos) << message << "\n" << outcome;
    EXPECT_TRUE(outcome.err.ends_with("\n")) << outcome;
  }

  // Neither an artifact nor a part of one, nor any other output, was left.
  void ExpectNothingLeft() const {
    EXPECT_FALSE(fs::exists(dir() / "out"));
    EXPECT_FALSE(fs::exists(dir() / "none"));
    EXPECT_FALSE(fs::exists(dir() / "exports") && !fs::is_empty(dir() / "exports"));
    if (!fs::exists(cache())) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache())) {
      EXPECT_EQ(entry.path().extension(), ".lock") << entry.path();
      EXPECT_EQ(entry.file_size(), 0u);
    }
  }
};

class BadCommandTest : public BadInput, public ::testing::WithParamInterface<BadCommand> {
 protected:
  // What the command lines refer to.
  void SetUp() override {
    Write("file", "not what was expected\n");
    Write("folder/file", "");
    Write("line\nbreak/file", "");
    Write("tokenizer/tokenizer.json", ReadText(TinyModel() / "tokenizer.json"));
    Write("list.json", "[]");
    Write("empty.json", "{}");
    Write("misspelt.json", R"({"tp_degre": 8})");
    Write("neuron.json", R"({"tp_degree": 8, "fused_qkv": true})");
    Write("absent.json", R"({"checkpoint_id": "a/b", "checkpoint_revision": "v2"})");
    fs::create_symlink("/nonexistent", dir() / "link");
    fs::create_directory(dir() / "dangling");
    fs::create_symlink("/nonexistent/config.json", dir() / "dangling" / "config.json");
    WriteTensors(dir() / "width", {{"norm", Tensor::Zeros(DType::kF32, {3, 64})}});
    WriteTensors(dir() / "type", {{"norm", Tensor::Zeros(DType::kI32, {3, 128})}});
    WriteTensors(dir() / "short", {{"norm", Tensor::Zeros(DType::kF32, {2, 128})}});
    WriteTensors(dir() / "unknown", {{"layers.9.output", Tensor::Zeros(DType::kF32, {2, 128})}});
  }
};

TEST_P(BadCommandTest, IsRefusedInOneLine) {
  const BadCommand& bad = GetParam();
  Invocation invocation{{}, bad.environment};
  for (const std::string& word : bad.arguments) invocation.arguments.push_back(Filled(word));
  const auto before = fs::last_write_time(SoundArtifact() / "fairlead.json");
  ExpectRefusal(invocation, bad.exit_code, Filled(bad.message));
  ExpectNothingLeft();
  EXPECT_EQ(ReadText(dir() / "file"), "not what was expected\n");
  EXPECT_EQ(fs::last_write_time(SoundArtifact() / "fairlead.json"), before);
}

class BadPromptsTest : public BadInput, public ::testing::WithParamInterface<BadPrompts> {};

TEST_P(BadPromptsTest, IsRefusedInOneLine) {
  const fs::path prompts = Write("prompts.jsonl", GetParam().text);
  ExpectRefusal(
      {{"generate", SoundArtifact(), "--prompts_file", prompts, "--output", dir() / "out"}}, 2,
      Replaced(GetParam().message, "FILE", prompts.string()));
  // The same through stdin.
  Invocation piped{{"generate", SoundArtifact(), "--prompts_file", "-", "--output", dir() / "out"}};
  piped.input = GetParam().text;
  ExpectRefusal(piped, 2, Replaced(GetParam().message, "FILE", "stdin"));
  ExpectNothingLeft();
}

class BadModelTest : public BadInput, public ::testing::WithParamInterface<BadModel> {
 protected:
  fs::path Damaged(const fs::path& sound) const {
    const fs::path model = dir() / "model";
    CopyModel(sound, model);
    GetParam().damage(model);
    return model;
  }
  // Refused alike when it is exported and when it is run.
  void ExpectNoExport(const fs::path& model) {
    ExpectRefusal({{"export", "--model", model, dir() / "exports" / "artifact"}}, 1,
                  GetParam().message);
    ExpectRefusal({{"logits", model, "--token_ids", "1,2", "--output", dir() / "out"}}, 1,
                  GetParam().message);
    ExpectNothingLeft();
  }
};

class BadConfigTest : public BadModelTest {};
TEST_P(BadConfigTest, IsRefusedInOneLine) { ExpectNoExport(Damaged(GoldenDir("mxfp4_published"))); }

class BadCheckpointTest : public BadModelTest {};
TEST_P(BadCheckpointTest, IsRefusedInOneLine) { ExpectNoExport(Damaged(GoldenDir("tied_odd"))); }

class BadShardedCheckpointTest : public BadModelTest {};
TEST_P(BadShardedCheckpointTest, IsRefusedInOneLine) {
  ExpectNoExport(Damaged(GoldenDir("mxfp4_published")));
}

class BadTokenizerTest : public BadModelTest {};
TEST_P(BadTokenizerTest, IsRefusedInOneLine) {
  const fs::path model = Damaged(TinyModel());
  ExpectRefusal({{"tokenize", model, "--text", "Hello"}}, 1, GetParam().message);
  ExpectNoExport(model);
}

class BadArtifactTest : public BadModelTest {};
TEST_P(BadArtifactTest, IsRefusedInOneLine) {
  const fs::path artifact = Damaged(SoundArtifact());
  ExpectRefusal({{"load", artifact, "--verify"}}, 1, GetParam().message);
}

class BadShardedArtifactTest : public BadModelTest {};
TEST_P(BadShardedArtifactTest, IsRefusedInOneLine) {
  const fs::path artifact = Damaged(ShardedArtifact());
  ExpectRefusal({{"load", artifact, "--verify"}}, 1, GetParam().message);
}

class BadArtifactWithoutWeightsTest : public BadModelTest {};
TEST_P(BadArtifactWithoutWeightsTest, IsRefusedInOneLine) {
  CopyModel(GoldenDir("tied_odd"), dir() / "checkpoint");
  const fs::path artifact = dir() / "model";
  Succeed({"export", "--model", dir() / "checkpoint", "--no_weights", artifact});
  GetParam().damage(artifact);
  ExpectRefusal({{"logits", artifact, "--token_ids", "1,2", "--output", dir() / "out"}}, 1,
                GetParam().message);
  ExpectNothingLeft();
}

template <typename Case>
std::string Name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, BadCommandTest, ::testing::ValuesIn(BadCommands()), Name<BadCommand>);
INSTANTIATE_TEST_SUITE_P(All, BadPromptsTest, ::testing::ValuesIn(BadPromptFiles()),
                         Name<BadPrompts>);
INSTANTIATE_TEST_SUITE_P(All, BadConfigTest, ::testing::ValuesIn(BadConfigs()), Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadCheckpointTest, ::testing::ValuesIn(BadCheckpoints()),
                         Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadShardedCheckpointTest,
                         ::testing::ValuesIn(BadShardedCheckpoints()), Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadTokenizerTest, ::testing::ValuesIn(BadTokenizers()),
                         Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadArtifactTest, ::testing::ValuesIn(BadArtifacts()), Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadShardedArtifactTest, ::testing::ValuesIn(BadShardedArtifacts()),
                         Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(All, BadArtifactWithoutWeightsTest,
                         ::testing::ValuesIn(BadArtifactsWithoutWeights()), Name<BadModel>);
INSTANTIATE_TEST_SUITE_P(UsesOfArtifacts, BadCommandTest, ::testing::ValuesIn(BadUsesOfArtifacts()),
                         Name<BadCommand>);

}  // namespace
}  // namespace fairlead::e2e
