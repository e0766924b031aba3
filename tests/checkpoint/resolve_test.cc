#include "checkpoint/resolve.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

const char* const kCommit = "6cee5e81ee83917806bbde320786a8fb61efebee";
const char* const kFolder = "models--openai--gpt-oss-20b";

// A hub cache as huggingface_hub leaves it, under a folder of its own.
class ResolveModelTest : public testing::Test {
 protected:
  ResolveModelTest() {
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
    ::setenv("HOME", cache_.path().c_str(), 1);
    ::setenv("HF_HUB_CACHE", cache_.path().c_str(), 1);
  }

  // Adds a file to the snapshot: the bytes in blobs/, a relative link in snapshots/.
  void AddToSnapshot(const std::string& name, const std::string& content) {
    const fs::path repository = cache_.path() / kFolder;
    cache_.Write(fs::path(kFolder) / "blobs" / ("blob-" + name), content);
    fs::create_directories(repository / "snapshots" / kCommit);
    fs::create_symlink(fs::path("../../blobs") / ("blob-" + name),
                       repository / "snapshots" / kCommit / name);
    cache_.Write(fs::path(kFolder) / "refs/main", kCommit);
  }

  static std::string Message(std::string_view id) {
    const auto resolved = ResolveModel(id);
    return resolved ? "no error" : resolved.error().message;
  }

  TempDir cache_;
};

TEST_F(ResolveModelTest, TellsTheKindsOfFolderApart) {
  TempDir dir;
  dir.Write("tokenizer.json", "{}");
  EXPECT_EQ(ResolveModel(dir.path().string())->kind, ModelKind::kTokenizerOnly);
  dir.Write("config.json", "{}");
  EXPECT_EQ(ResolveModel(dir.path().string())->kind, ModelKind::kCheckpoint);
  dir.Write("fairlead.json", "{}");
  const auto artifact = ResolveModel(dir.path().string());
  EXPECT_EQ(artifact->kind, ModelKind::kArtifact);
  EXPECT_EQ(artifact->dir, dir.path());
}

TEST_F(ResolveModelTest, FindsAnIdThroughItsRefAndLinks) {
  AddToSnapshot("config.json", R"({"model_type":"gpt_oss"})");
  const auto resolved = ResolveModel("openai/gpt-oss-20b");
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->kind, ModelKind::kCheckpoint);
  EXPECT_EQ(resolved->dir, cache_.path() / kFolder / "snapshots" / kCommit);
}

TEST_F(ResolveModelTest, RefMayEndInANewline) {
  AddToSnapshot("config.json", "{}");
  cache_.Write(fs::path(kFolder) / "refs/main", std::string(kCommit) + "\n");
  EXPECT_TRUE(ResolveModel("openai/gpt-oss-20b"));
}

TEST_F(ResolveModelTest, FindsARevisionByRefByNestedRefAndByCommit) {
  AddToSnapshot("config.json", "{}");
  fs::remove(cache_.path() / kFolder / "refs/main");
  EXPECT_FALSE(ResolveModel("openai/gpt-oss-20b"));
  cache_.Write(fs::path(kFolder) / "refs/v1.0", kCommit);
  cache_.Write(fs::path(kFolder) / "refs/refs/pr/7", kCommit);
  EXPECT_TRUE(ResolveModel("openai/gpt-oss-20b@v1.0"));
  EXPECT_TRUE(ResolveModel("openai/gpt-oss-20b@refs/pr/7"));
  EXPECT_TRUE(ResolveModel(std::string("openai/gpt-oss-20b@") + kCommit));
}

TEST_F(ResolveModelTest, FollowsTheEnvironmentInHubOrder) {
  TempDir other;
  ::setenv("HF_HOME", other.path().c_str(), 1);
  EXPECT_EQ(HubCacheDir(), cache_.path());
  ::unsetenv("HF_HUB_CACHE");
  EXPECT_EQ(HubCacheDir(), other.path() / "hub");
  ::setenv("HF_HOME", "", 1);
  EXPECT_EQ(HubCacheDir(), cache_.path() / ".cache/huggingface/hub");
  ::setenv("XDG_CACHE_HOME", other.path().c_str(), 1);
  EXPECT_EQ(HubCacheDir(), other.path() / "huggingface/hub");
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_FALSE(HubCacheDir());
}

TEST_F(ResolveModelTest, AbsentIdPrintsTheDownloadCommand) {
  EXPECT_NE(Message("openai/gpt-oss-20b")
                .find("hf download openai/gpt-oss-20b --exclude 'original/*' --exclude 'metal/*'"),
            std::string::npos);
  const auto resolved = ResolveModel("openai/gpt-oss-120b@v2");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(resolved.error().message.ends_with(
      "hf download openai/gpt-oss-120b --exclude 'original/*' --exclude 'metal/*' --revision v2"))
      << resolved.error().message;
}

TEST_F(ResolveModelTest, DanglingLinkIsAnInterruptedDownload) {
  AddToSnapshot("config.json", "{}");
  AddToSnapshot("model.safetensors", "x");
  fs::remove(cache_.path() / kFolder / "blobs/blob-model.safetensors");
  const std::string message = Message("openai/gpt-oss-20b");
  EXPECT_NE(message.find("model.safetensors: expected the file ../../blobs/blob-model.safetensors"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("hf download openai/gpt-oss-20b"), std::string::npos) << message;
}

TEST_F(ResolveModelTest, RefMustHoldACommit) {
  AddToSnapshot("config.json", "{}");
  for (const char* content : {"", "../../elsewhere", "a b"}) {
    cache_.Write(fs::path(kFolder) / "refs/main", content);
    EXPECT_NE(Message("openai/gpt-oss-20b").find("refs/main: expected a commit hash"),
              std::string::npos)
        << content;
  }
}

TEST_F(ResolveModelTest, SnapshotThatIsGoneCountsAsAbsent) {
  cache_.Write(fs::path(kFolder) / "refs/main", kCommit);
  EXPECT_NE(Message("openai/gpt-oss-20b").find("not in the hub cache"), std::string::npos);
}

TEST_F(ResolveModelTest, RefusesWhatIsNeitherFolderNorId) {
  for (const char* name : {"no-such-folder", "./missing", "/nonexistent/model", "a/b/c", "org/",
                           "../up", "org/..", "org/name@", "org/name@../x", "-x/y", "o rg/name"}) {
    EXPECT_NE(Message(name).find("expected a folder, or an id such as openai/gpt-oss-20b"),
              std::string::npos)
        << name;
  }
  EXPECT_NE(Message("").find("expected a folder or an id"), std::string::npos);
  EXPECT_NE(Message(std::string_view("a\0b", 3)).find("expected a folder or an id"),
            std::string::npos);
}

TEST_F(ResolveModelTest, RefusesAFileAndAFolderWithoutAModel) {
  TempDir dir;
  const auto file = dir.Write("model.gguf", "x");
  EXPECT_NE(Message(file.string()).find("expected a folder, got a file"), std::string::npos);
  EXPECT_NE(Message(dir.path().string())
                .find("expected a folder with fairlead.json, config.json or tokenizer.json"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead
