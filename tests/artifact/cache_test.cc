#include "artifact/cache.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "artifact/cache_clean.h"
#include "artifact/cache_entries.h"
#include "tests/artifact/fixtures.h"
#include "tests/artifact/log_capture.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

// The environment decides where the cache is: cleared for every test, and put back.
class CacheTest : public testing::Test {
 protected:
  CacheTest() {
    for (Variable& variable : variables_) {
      if (const char* value = std::getenv(variable.name)) variable.before = value;
      ::unsetenv(variable.name);
    }
  }
  ~CacheTest() override {
    for (const Variable& variable : variables_) {
      ::unsetenv(variable.name);
      if (variable.before) ::setenv(variable.name, variable.before->c_str(), 1);
    }
  }
  void UseCache(const fs::path& dir) { ::setenv("FAIRLEAD_CACHE", dir.c_str(), 1); }

  // Artifacts in the cache of `folder_`.
  int Artifacts() const {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "cache")) {
      count += entry.is_directory();
    }
    return count;
  }

  TempDir folder_;

 private:
  struct Variable {
    const char* name;
    std::optional<std::string> before = std::nullopt;
  };
  Variable variables_[4] = {
      {"FAIRLEAD_CACHE"}, {"FAIRLEAD_CACHE_SIZE"}, {"XDG_CACHE_HOME"}, {"HOME"}};
};

TEST_F(CacheTest, LiesWhereTheEnvironmentSays) {
  const auto nowhere = CacheDir();
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().message,
            "[cache] expected FAIRLEAD_CACHE, XDG_CACHE_HOME or HOME to be set, got none of them; "
            "set one, or export the model and run the artifact");
  ::setenv("HOME", "/somebody", 1);
  EXPECT_EQ(*CacheDir(), "/somebody/.cache/fairlead");
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(*CacheDir(), "/xdg/fairlead");
  ::setenv("FAIRLEAD_CACHE", "own", 1);
  EXPECT_EQ(*CacheDir(), fs::current_path() / "own");
  ::setenv("FAIRLEAD_CACHE", "", 1);
  EXPECT_EQ(*CacheDir(), "/xdg/fairlead");
}

TEST_F(CacheTest, ExportsOnceAndAgainForWhatChangesTheWeights) {
  UseCache(folder_.path() / "cache");
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  int exports = 0;
  const ProgressFn count = [&](uint64_t done, uint64_t total) { exports += done == total; };
  const auto cached = [&](const ExportOptions& options, const Backend& backend) {
    const auto dir = CachedArtifact(*checkpoint, options, backend, count);
    EXPECT_TRUE(dir) << dir.error().message;
    return dir.value_or("");
  };
  const LayoutBackend panels;
  const fs::path first = cached({}, panels);
  EXPECT_EQ(exports, 1);
  EXPECT_TRUE(first.filename().string().starts_with("tied_odd-")) << first;
  EXPECT_EQ(cached({}, panels), first);
  ExportOptions renamed, float32;
  renamed.checkpoint_id = "other/name";
  float32.torch_dtype = TorchDtype::kF32;
  EXPECT_EQ(cached(renamed, panels), first) << "a record only";
  EXPECT_EQ(exports, 1);
  const fs::path rounded = cached(float32, panels);
  EXPECT_NE(rounded, first);
  EXPECT_EQ(exports, 2);
  const LayoutBackend plain([](const Parameter&, StorageFormat format) {
    return Layout{LayoutOrder::kRowMajor, format};
  });
  EXPECT_NE(cached({}, plain), first);
  EXPECT_EQ(exports, 3);
  EXPECT_EQ(Artifacts(), 3);
}

TEST_F(CacheTest, ExportsAnewWhenTheCheckpointOrItsTokenizerChanges) {
  UseCache(folder_.path() / "cache");
  const fs::path model = folder_.path() / "model";
  fs::copy(GoldenDir("tied_odd"), model);
  const auto cached = [&] {
    return CachedArtifact(*OpenCheckpoint(model), {}, LayoutBackend(), nullptr).value_or("");
  };
  const fs::path first = cached();
  EXPECT_EQ(cached(), first);
  fs::copy(fs::path(FAIRLEAD_MODELS) / "tiny-gpt-oss" / "tokenizer.json", model);
  const fs::path second = cached();
  EXPECT_NE(second, first);
  EXPECT_TRUE(fs::exists(second / "tokenizer.bin"));
  fs::last_write_time(model / "model.safetensors", fs::file_time_type::clock::now());
  EXPECT_NE(cached(), second);
}

TEST_F(CacheTest, ADamagedArtifactIsExportedAnew) {
  UseCache(folder_.path() / "cache");
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  const auto dir = CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(dir) << dir.error().message;
  fs::resize_file(*dir / WeightsName(0, 1), 1000);
  const LogCapture log;
  EXPECT_EQ(CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr).value(), *dir);
  EXPECT_NE(log.text().find("exported anew"), std::string::npos) << log.text();
  EXPECT_TRUE(LoadArtifact(*dir));
}

TEST_F(CacheTest, ThreadsThatWantTheSameArtifactShareOneExport) {
  UseCache(folder_.path() / "cache");
  std::atomic<int> exports = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto artifact =
          OpenModel(GoldenDir("tied_odd").string(), {}, LayoutBackend(),
                    [&](uint64_t done, uint64_t total) { exports += done == total; });
      EXPECT_TRUE(artifact) << artifact.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(exports, 1);
  EXPECT_EQ(Artifacts(), 1);
}

TEST_F(CacheTest, ProcessesThatWantTheSameArtifactShareOneExport) {
  UseCache(folder_.path() / "cache");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool exported = false;
      const auto artifact = OpenModel(GoldenDir("tied_odd").string(), {}, LayoutBackend(),
                                      [&](uint64_t, uint64_t) { exported = true; });
      ::_exit(!artifact ? 2 : exported ? 1 : 0);
    }
    children.push_back(child);
  }
  int exports = 0;
  for (const pid_t child : children) {
    int result = 0;
    ::waitpid(child, &result, 0);
    ASSERT_TRUE(WIFEXITED(result) && WEXITSTATUS(result) != 2);
    exports += WEXITSTATUS(result);
  }
  EXPECT_EQ(exports, 1);
}

TEST_F(CacheTest, AnArtifactThatIsThereNeedsNoRightToWrite) {
  UseCache(folder_.path() / "cache");
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  const auto dir = CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(dir) << dir.error().message;
  const fs::path lock = CacheLockPath(*dir);
  EXPECT_FALSE(fs::exists(lock)) << "it goes with the export";
  fs::permissions(folder_.path() / "cache", fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(*dir, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr).value(), *dir);
  EXPECT_FALSE(fs::exists(lock));
  fs::permissions(*dir, fs::perms::owner_all);
  fs::permissions(folder_.path() / "cache", fs::perms::owner_all);
}

TEST_F(CacheTest, AnArtifactStaysForAsLongAsItIsUsed) {
  UseCache(folder_.path() / "cache");
  auto artifact = OpenModel(GoldenDir("tied_odd").string(), {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(artifact) << artifact.error().message;
  CleanRequest all;
  all.all = true;
  EXPECT_EQ(CleanCache(folder_.path() / "cache", all)->kept.size(), 1u);
  const auto again = OpenModel(GoldenDir("tied_odd").string(), {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(again) << "shared by all that run it";
  artifact = Fail(ErrorCode::kInternal, "test", "dropped");
  EXPECT_EQ(CleanCache(folder_.path() / "cache", all)->kept.size(), 1u);
  EXPECT_EQ(Artifacts(), 1);
}

TEST_F(CacheTest, EachUseIsNoted) {
  UseCache(folder_.path() / "cache");
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  const fs::path dir = CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr).value();
  const auto before = fs::file_time_type::clock::now() - std::chrono::hours(24);
  fs::last_write_time(dir, before);
  ASSERT_TRUE(CachedArtifact(*checkpoint, {}, LayoutBackend(), nullptr));
  EXPECT_GT(fs::last_write_time(dir), before + std::chrono::hours(23));
}

TEST_F(CacheTest, AnExportRemovesTheLeastRecentlyUsedButNotItself) {
  UseCache(folder_.path() / "cache");
  const auto cached = [](const char* golden) {
    const auto dir =
        CachedArtifact(*OpenCheckpoint(GoldenDir(golden)), {}, LayoutBackend(), nullptr);
    EXPECT_TRUE(dir) << dir.error().message;
    return dir.value_or("");
  };
  const fs::path first = cached("tied_odd"), second = cached("mqa_top4");
  std::map<fs::path, uint64_t> bytes;
  const auto weigh = [&] {
    const auto entries = ListCache(folder_.path() / "cache");
    for (const CacheEntry& entry : *entries) bytes[entry.path] = entry.bytes;
  };
  weigh();
  fs::last_write_time(second, fs::last_write_time(first) - std::chrono::hours(1));
  ::setenv("FAIRLEAD_CACHE_SIZE", "1B", 1);
  EXPECT_EQ(cached("mqa_top4"), second) << "a use exports nothing and removes nothing";
  EXPECT_EQ(Artifacts(), 2);
  const fs::path third = cached("bf16_sliding");
  EXPECT_TRUE(LoadArtifact(third)) << "larger than the limit, but just made";
  EXPECT_EQ(Artifacts(), 1);
  weigh();

  ::setenv("FAIRLEAD_CACHE_SIZE", "unlimited", 1);
  const fs::path fourth = cached("tied_odd");
  EXPECT_EQ(Artifacts(), 2);
  fs::last_write_time(third, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const uint64_t limit = bytes[second] + bytes[fourth] + bytes[third] - 1;
  ::setenv("FAIRLEAD_CACHE_SIZE", (std::to_string(limit) + "B").c_str(), 1);
  EXPECT_EQ(cached("mqa_top4"), second);
  EXPECT_FALSE(fs::exists(third));
  EXPECT_TRUE(LoadArtifact(fourth));
  EXPECT_TRUE(LoadArtifact(second));
}

TEST_F(CacheTest, ALimitThatIsNoSizeIsAnErrorBeforeAnyWork) {
  UseCache(folder_.path() / "cache");
  ::setenv("FAIRLEAD_CACHE_SIZE", "plenty", 1);
  const auto artifact = OpenModel(GoldenDir("tied_odd").string(), {}, LayoutBackend(), nullptr);
  ASSERT_FALSE(artifact);
  EXPECT_NE(artifact.error().message.find("got \"plenty\""), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_.path() / "cache"));
}

TEST_F(CacheTest, NamesASnapshotAfterItsRepository) {
  UseCache(folder_.path() / "cache");
  const fs::path snapshot = folder_.path() / "models--org--mini.1" / "snapshots" / "0123abcd";
  fs::create_directories(snapshot.parent_path());
  fs::copy(GoldenDir("tied_odd"), snapshot);
  const auto dir = CachedArtifact(*OpenCheckpoint(snapshot), {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(dir) << dir.error().message;
  EXPECT_TRUE(dir->filename().string().starts_with("models--org--mini-1-")) << *dir;
}

TEST_F(CacheTest, OpenModelLoadsAnArtifactAsItIs) {
  const fs::path out = folder_.path() / "out";
  ExportOptions options;
  options.batch_size = 5;
  ASSERT_TRUE(ExportArtifact(*OpenCheckpoint(GoldenDir("tied_odd")), out, options, LayoutBackend(),
                             nullptr));
  const auto artifact = OpenModel(out.string(), {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_EQ((*artifact)->manifest.options.batch_size, 5);
  EXPECT_EQ((*artifact)->dir, out);
}

TEST_F(CacheTest, OpenModelRecordsWhatTheUserNamed) {
  UseCache(folder_.path() / "cache");
  const std::string path = GoldenDir("tied_odd").string();
  const auto artifact = OpenModel(path, {}, LayoutBackend(), nullptr);
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_EQ((*artifact)->manifest.options.checkpoint_id, path);
}

TEST_F(CacheTest, OpenModelRefusesATokenizerAlone) {
  folder_.Write("only/tokenizer.json", "{}");
  const auto artifact = OpenModel((folder_.path() / "only").string(), {}, LayoutBackend(), nullptr);
  ASSERT_FALSE(artifact);
  EXPECT_NE(artifact.error().message.find("got a tokenizer alone"), std::string::npos);
}

TEST_F(CacheTest, ACacheThatCannotBeMadeIsAnError) {
  folder_.Write("file", "");
  UseCache(folder_.path() / "file" / "cache");
  const auto dir =
      CachedArtifact(*OpenCheckpoint(GoldenDir("tied_odd")), {}, LayoutBackend(), nullptr);
  ASSERT_FALSE(dir);
  EXPECT_TRUE(dir.error().message.starts_with("[cache] ")) << dir.error().message;
}

}  // namespace
}  // namespace fairlead
