// What MODEL may be: a checkpoint, exported into the cache once, or an id in Hugging Face's cache.
#include <set>
#include <thread>

#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

class Models : public ProgramTest {
 protected:
  Invocation Generate(const std::string& model) const {
    return {{"generate", model, "--prompts", "The ship", "--length", "4", "--temperature", "0"}};
  }
  // The artifacts in the cache.
  std::set<fs::path> Cached() const {
    std::set<fs::path> folders;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache())) {
      if (entry.is_directory()) folders.insert(entry.path());
    }
    return folders;
  }

  // Lays the bundled model out as `hf download` does, and returns the snapshot.
  fs::path MakeHubModel(const fs::path& hub, const std::string& commit) const {
    const fs::path repository = hub / "models--harbour--tiny-ship";
    const fs::path snapshot = repository / "snapshots" / commit;
    fs::create_directories(repository / "blobs");
    fs::create_directories(repository / "refs");
    fs::create_directories(snapshot);
    int blob = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(TinyModel())) {
      if (!entry.is_regular_file()) continue;  // the suites are no part of it
      const std::string hash = "b10b" + std::to_string(blob++);
      fs::copy_file(entry.path(), repository / "blobs" / hash);
      fs::create_symlink("../../blobs/" + hash, snapshot / entry.path().filename());
    }
    std::ofstream(repository / "refs" / "main") << commit;
    return snapshot;
  }
};

TEST_F(Models, CheckpointsAreExportedOnceAndThenReusedSilently) {
  const Outcome first = Fairlead(Generate(TinyModel()));
  EXPECT_EQ(first.exit_code, 0) << first;
  EXPECT_NE(first.err.find("exporting into the cache: 100%"), std::string::npos) << first;
  const auto cached = Cached();
  ASSERT_EQ(cached.size(), 1u);
  EXPECT_TRUE(cached.begin()->filename().string().starts_with("tiny-gpt-oss-"));
  const auto written = fs::last_write_time(*cached.begin() / "fairlead.json");

  const Outcome second = Fairlead(Generate(TinyModel()));
  EXPECT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(second.err, "");
  EXPECT_EQ(second.out, first.out);
  EXPECT_EQ(Cached(), cached);
  EXPECT_EQ(fs::last_write_time(*cached.begin() / "fairlead.json"), written);
}

TEST_F(Models, CacheIsInTheHomeFolderUnlessToldOtherwise) {
  Invocation invocation = Generate(TinyModel());
  invocation.environment = {{"FAIRLEAD_CACHE", ""}};
  Succeed(invocation);
  EXPECT_TRUE(fs::is_directory(dir() / "home" / ".cache" / "fairlead"));
  invocation.environment["XDG_CACHE_HOME"] = dir() / "xdg";
  Succeed(invocation);
  EXPECT_TRUE(fs::is_directory(dir() / "xdg" / "fairlead"));
  EXPECT_FALSE(fs::exists(cache()));
}

TEST_F(Models, ChangedCheckpointsAreExportedAnew) {
  const fs::path model = dir() / "model";
  CopyModel(TinyModel(), model);
  Succeed(Generate(model));
  SetJson(model / "config.json", "rms_norm_eps", "0.5");
  const Outcome changed = Fairlead(Generate(model));
  EXPECT_NE(changed.err.find("exporting into the cache"), std::string::npos) << changed;
  EXPECT_EQ(Cached().size(), 2u);
}

TEST_F(Models, DamagedCacheIsExportedAnewWithAWarning) {
  const std::string text = Succeed(Generate(TinyModel()));
  fs::resize_file(*Cached().begin() / "weights" / "rank-00000-of-00001.safetensors", 1000);
  const Outcome repaired = Fairlead(Generate(TinyModel()));
  EXPECT_EQ(repaired.exit_code, 0) << repaired;
  EXPECT_EQ(repaired.out, text);
  EXPECT_TRUE(repaired.err.starts_with("warning: [cache] ")) << repaired;
  EXPECT_NE(repaired.err.find("exported anew"), std::string::npos) << repaired;
}

TEST_F(Models, CacheThatLostItsTokenizerIsExportedAnew) {
  const std::string text = Succeed(Generate(TinyModel()));
  fs::remove(*Cached().begin() / "tokenizer.bin");
  const Outcome repaired = Fairlead(Generate(TinyModel()));
  EXPECT_EQ(repaired.exit_code, 0) << repaired;
  EXPECT_EQ(repaired.out, text);
}

TEST_F(Models, TwoProcessesShareOneExport) {
  Outcome other;
  std::thread thread([&] { other = Fairlead(Generate(TinyModel())); });
  const Outcome one = Fairlead(Generate(TinyModel()));
  thread.join();
  EXPECT_EQ(one.exit_code, 0) << one;
  EXPECT_EQ(other.exit_code, 0) << other;
  EXPECT_EQ(one.out, other.out);
  EXPECT_EQ(Cached().size(), 1u);
}

TEST_F(Models, IdsAreFoundInTheHubCache) {
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  const fs::path snapshot = MakeHubModel(dir() / "hf" / "hub", commit);
  const std::string expected = Succeed(Generate(snapshot));
  for (const std::string id : {"harbour/tiny-ship", "harbour/tiny-ship@main"}) {
    Invocation invocation = Generate(id);
    invocation.environment = {{"HF_HOME", dir() / "hf"}};
    EXPECT_EQ(Succeed(invocation), expected);
  }
  Invocation by_commit = Generate("harbour/tiny-ship@" + commit);
  by_commit.environment = {{"HF_HUB_CACHE", dir() / "hf" / "hub"}, {"HF_HOME", "/nonexistent"}};
  EXPECT_EQ(Succeed(by_commit), expected);
  // By whatever name, it is one checkpoint, named after the repository.
  const auto cached = Cached();
  ASSERT_EQ(cached.size(), 1u);
  EXPECT_NE(cached.begin()->filename().string().find("tiny-ship"), std::string::npos);
}

TEST_F(Models, AbsentIdsPrintTheCommandThatDownloadsThem) {
  const Outcome outcome = Fairlead(Generate("openai/gpt-oss-20b"));
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  ASSERT_EQ(outcome.ErrorLines().size(), 1u) << outcome;
  EXPECT_TRUE(outcome.err.ends_with(
      "hf download openai/gpt-oss-20b --exclude 'original/*' --exclude 'metal/*'\n"))
      << outcome;
}

TEST_F(Models, InterruptedDownloadsPrintTheCommandToo) {
  const fs::path snapshot = MakeHubModel(dir() / "hf" / "hub", "c0ffee");
  fs::remove(fs::weakly_canonical(snapshot / "model.safetensors"));
  Invocation invocation = Generate("harbour/tiny-ship");
  invocation.environment = {{"HF_HOME", dir() / "hf"}};
  const Outcome outcome = Fairlead(invocation);
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_NE(outcome.err.find("model.safetensors: expected the file ../../blobs/"),
            std::string::npos)
      << outcome;
  EXPECT_NE(outcome.err.find("hf download harbour/tiny-ship "), std::string::npos) << outcome;
}

}  // namespace
}  // namespace fairlead::e2e
