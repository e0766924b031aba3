#include "artifact/staging.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "artifact/manifest.h"
#include "artifact/path_lock.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

TEST(Staging, TemporaryNamesAreRecognised) {
  const fs::path temporary = TemporaryPath("/some/where");
  EXPECT_EQ(temporary.parent_path(), "/some");
  EXPECT_EQ(TargetOfTemporary(temporary.filename().string()), "where");
  EXPECT_EQ(TargetOfTemporary(".a.tmp-1.tmp-12-0123abcd"), "a.tmp-1");
  for (const char* name :
       {"", ".", ".tmp-1-0123abcd", "a.tmp-1-0123abcd", ".a.tmp-0123abcd", ".a.tmp--0123abcd",
        ".a.tmp-1-", ".a.tmp-1-0123abcd~", ".a.tmp-1-x", ".a.tmp-backup", ".a"}) {
    EXPECT_EQ(TargetOfTemporary(name), "") << name;
  }
}

TEST(Staging, RemovesWhatDeadProcessesLeftAndNothingElse) {
  TempDir folder;
  for (const char* name : {".out.tmp-1-0000dead", ".out.tmp-2-0000beef", ".out.tmp-backup",
                           ".out.tmp-1-0000dead.old", ".other.tmp-1-0000dead"}) {
    folder.Write(std::string(name) + "/file", "content");
  }
  folder.Write(".out.tmp-3-0000feed", "a file");
  fs::create_directory_symlink(folder.path() / ".out.tmp-backup",
                               folder.path() / ".out.tmp-4-00001111");
  const auto living = PathLock::Try(folder.path() / ".out.tmp-2-0000beef", LockMode::kExclusive);
  ASSERT_TRUE(living);
  {
    const auto staging = StagingFolder::Create(folder.path() / "out", false);
    ASSERT_TRUE(staging) << staging.error().message;
    EXPECT_EQ(TargetOfTemporary(staging->path().filename().string()), "out");
  }
  EXPECT_EQ(Names(folder.path()),
            (std::vector<std::string>{".other.tmp-1-0000dead", ".out.tmp-1-0000dead.old",
                                      ".out.tmp-2-0000beef", ".out.tmp-3-0000feed",
                                      ".out.tmp-4-00001111", ".out.tmp-backup"}));
}

TEST(Staging, CommitReplacesAnArtifactOnlyByForce) {
  TempDir folder;
  const fs::path out = folder.path() / "out";
  const auto commit = [&](bool force, const std::string& content) -> Status {
    auto staging = StagingFolder::Create(out, force);
    if (!staging) return tl::unexpected(staging.error());
    std::ofstream(staging->path() / kManifestName) << content;
    return staging->Commit();
  };
  EXPECT_TRUE(commit(false, "first"));
  EXPECT_FALSE(commit(false, "second"));
  EXPECT_TRUE(commit(true, "third"));
  std::string text;
  std::ifstream(out / kManifestName) >> text;
  EXPECT_EQ(text, "third");
  EXPECT_EQ(Names(folder.path()), std::vector<std::string>{"out"});
}

TEST(PathLock, ExcludesAsItSays) {
  TempDir folder;
  const fs::path path = folder.Write("file", "");
  {
    const auto one = PathLock::Try(path, LockMode::kShared);
    EXPECT_TRUE(one);
    EXPECT_TRUE(PathLock::Try(path, LockMode::kShared));
    EXPECT_FALSE(PathLock::Try(path, LockMode::kExclusive));
  }
  const auto alone = PathLock::Try(path, LockMode::kExclusive);
  EXPECT_TRUE(alone);
  EXPECT_FALSE(PathLock::Try(path, LockMode::kShared));
  EXPECT_FALSE(PathLock::Try(folder.path() / "absent", LockMode::kShared));
  fs::create_symlink(path, folder.path() / "link");
  EXPECT_FALSE(PathLock::Try(folder.path() / "link", LockMode::kShared));
}

TEST(PathLock, AWaiterNoticesThatTheNameWentAway) {
  TempDir folder;
  const fs::path path = folder.Write("file", "");
  std::optional<PathLock> lock = PathLock::Try(path, LockMode::kExclusive);
  ASSERT_TRUE(lock);
  std::optional<PathLock> waited;
  std::thread waiter([&] { waited = PathLock::Wait(path, LockMode::kShared); });
  ::usleep(50'000);
  fs::remove(path);
  lock.reset();
  waiter.join();
  EXPECT_FALSE(waited);
}

// The holder removes the file before it lets go, so that each round begins with a new file.
TEST(PathLock, OneHolderAtATimeThoughTheFileIsRemovedEachTime) {
  TempDir folder;
  const fs::path path = folder.path() / "lock";
  std::atomic<int> holders = 0, most = 0, waits = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto lock = PathLock::Create(path, [&] { ++waits; });
        ASSERT_TRUE(lock) << lock.error().message;
        const int now = ++holders;
        if (now > most) most = now;
        std::this_thread::yield();
        --holders;
        fs::remove(path);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(waits, 0);
  EXPECT_FALSE(fs::exists(path));
}

TEST(PathLock, EndsWithTheProcess) {
  TempDir folder;
  const fs::path path = folder.Write("file", "");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = PathLock::Try(path, LockMode::kExclusive);
    ::write(ready[1], lock ? "y" : "n", 1);
    ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(PathLock::Try(path, LockMode::kExclusive));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(PathLock::Try(path, LockMode::kExclusive));
  ::close(ready[0]), ::close(ready[1]);
}

}  // namespace
}  // namespace fairlead
