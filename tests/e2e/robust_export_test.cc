// What may happen to an export: it is killed, it has company, the place is not what it should be.
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "artifact/artifact.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"
#include "tools/synth_checkpoint/write_checkpoint.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;
using Strings = std::set<std::string>;

// A checkpoint of 40 MB, so that an export takes long enough to be met at many moments.
const fs::path& LargerModel() {
  static const TempDir dir;
  static const fs::path model = [] {
    const synth::ModelSpec spec = {.layers = 2,
                                   .hidden = 512,
                                   .intermediate = 512,
                                   .heads = 8,
                                   .kv_heads = 2,
                                   .experts = 8,
                                   .vocabulary = 16384};
    const fs::path path = dir.path() / "larger";
    const Status written = synth::WriteCheckpoint(path, spec, {}, [](uint64_t, uint64_t) {});
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }();
  return model;
}

class RobustExport : public ProgramTest {
 protected:
  fs::path out() const { return dir() / "exports" / "artifact"; }

  Invocation Export(const fs::path& model, const std::vector<std::string>& more = {}) const {
    Invocation invocation{{"export", "--model", model, out()}};
    invocation.arguments.insert(invocation.arguments.end(), more.begin(), more.end());
    return invocation;
  }
  // Names in the folder of exports, hidden ones too.
  Strings Names() const {
    Strings names;
    if (!fs::exists(out().parent_path())) return names;
    for (const auto& entry : fs::directory_iterator(out().parent_path())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  // The vocabulary of the sound artifact that is there; 0 if there is none by that name.
  int64_t Vocabulary() const {
    if (!fs::exists(out())) return 0;
    const auto artifact = LoadArtifact(out(), {.verify_checksums = true});
    EXPECT_TRUE(artifact) << artifact.error().message;
    return artifact ? (*artifact)->ranks.front()->facts.vocabulary_size : -1;
  }
  // Runs the same export several times at once.
  std::vector<Outcome> AllAtOnce(const Invocation& invocation, size_t count) const {
    std::vector<Outcome> outcomes(count);
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (Outcome& outcome : outcomes) {
      threads.emplace_back([&] { outcome = Fairlead(invocation); });
    }
    for (std::thread& thread : threads) thread.join();
    return outcomes;
  }
  // One line that is not of the progress, with `message` in it.
  static void ExpectRefusal(const Outcome& outcome, int exit_code, const std::string& message) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome;
    EXPECT_EQ(outcome.out, "");
    std::vector<std::string> lines = outcome.ErrorLines();
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("exporting"); });
    ASSERT_EQ(lines.size(), 1u) << outcome;
    EXPECT_TRUE(lines[0].starts_with("fairlead: [")) << outcome;
    EXPECT_NE(lines[0].find(message), std::string::npos) << message << '\n' << outcome;
  }
  // Runs without the right to ignore permissions, which root has.
  Outcome FairleadAsOthers(const Invocation& invocation) const {
    Outcome outcome;
    // What a thread drops is lost to it and to the programs that it starts.
    std::thread([&] {
      ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
      outcome = Fairlead(invocation);
    }).join();
    return outcome;
  }
};

constexpr int64_t kLargerVocabulary = 16384;
constexpr int64_t kSmallVocabulary = 97;  // of tied_odd
constexpr int kKills = 50;

// Moments of an export that takes about as long as the last one that came to its end.
class RandomMoments {
 public:
  explicit RandomMoments(const Outcome& whole) { Note(whole); }
  void Note(const Outcome& outcome) {
    if (outcome.signal == 0) seconds_ = outcome.seconds;
  }
  microseconds Next() {
    return microseconds(1 + static_cast<int64_t>(share_(random_) * seconds_ * 1e6));
  }

 private:
  std::mt19937 random_{7};
  std::uniform_real_distribution<double> share_{0, 1.1};
  double seconds_ = 0;
};

class KilledExport : public RobustExport, public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledExport, LeavesAWholeArtifactOrNone) {
  Invocation invocation = Export(LargerModel(), {"--tensor_parallel_size", GetParam()});
  RandomMoments moments(Fairlead(invocation));
  fs::remove_all(out());
  int killed = 0, leftovers = 0;
  for (int round = 0; round < kKills; ++round) {
    invocation.kill_after = moments.Next();
    const Outcome outcome = Fairlead(invocation);
    moments.Note(outcome);
    killed += outcome.signal == SIGKILL;
    const int64_t vocabulary = Vocabulary();
    if (outcome.exit_code == 0) {
      EXPECT_EQ(vocabulary, kLargerVocabulary);
    }
    Strings names = Names();
    names.erase("artifact");
    leftovers += !names.empty();
    EXPECT_LE(names.size(), 1u) << "each export removes what the last one left";
    fs::remove_all(out());
  }
  EXPECT_GE(killed, kKills / 2);
  EXPECT_GE(leftovers, kKills / 4) << "too few were met at work";
  invocation.kill_after = microseconds(0);
  Succeed(invocation);
  EXPECT_EQ(Vocabulary(), kLargerVocabulary);
  EXPECT_EQ(Names(), Strings{"artifact"});
}

INSTANTIATE_TEST_SUITE_P(Ranks, KilledExport, ::testing::Values("1", "4"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(RobustExport, KilledWhileItReplacesLeavesTheOldOrTheNew) {
  Succeed(Export(GoldenDir("tied_odd")));
  Invocation invocation = Export(LargerModel(), {"--force"});
  RandomMoments moments(Fairlead(invocation));
  int old = 0;
  for (int round = 0; round < kKills; ++round) {
    if (Vocabulary() != kSmallVocabulary) Succeed(Export(GoldenDir("tied_odd"), {"--force"}));
    invocation.kill_after = moments.Next();
    const Outcome outcome = Fairlead(invocation);
    moments.Note(outcome);
    const int64_t vocabulary = Vocabulary();
    EXPECT_TRUE(vocabulary == kLargerVocabulary || vocabulary == kSmallVocabulary) << vocabulary;
    if (outcome.exit_code == 0) {
      EXPECT_EQ(vocabulary, kLargerVocabulary);
    }
    old += vocabulary == kSmallVocabulary;
  }
  EXPECT_GE(old, kKills / 4);
  Succeed(Export(GoldenDir("tied_odd"), {"--force"}));
  EXPECT_EQ(Names(), Strings{"artifact"});
}

TEST_F(RobustExport, OfSeveralAtOnceOneWins) {
  for (const size_t count : {2u, 4u}) {
    size_t winners = 0;
    for (const Outcome& outcome : AllAtOnce(Export(LargerModel()), count)) {
      if (outcome.exit_code == 0) {
        ++winners;
      } else {
        ExpectRefusal(outcome, 2, "expected no such folder, got an artifact; --force replaces it");
      }
    }
    EXPECT_EQ(winners, 1u);
    EXPECT_EQ(Vocabulary(), kLargerVocabulary);
    EXPECT_EQ(Names(), Strings{"artifact"});
    Succeed({"load", out(), "--verify"});
    fs::remove_all(out());
  }
}

TEST_F(RobustExport, SeveralAtOnceMayReplaceEachOther) {
  Succeed(Export(GoldenDir("tied_odd")));
  for (const Outcome& outcome : AllAtOnce(Export(LargerModel(), {"--force"}), 4)) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
  }
  EXPECT_EQ(Vocabulary(), kLargerVocabulary);
  EXPECT_EQ(Names(), Strings{"artifact"});
}

// Somebody looks all the time: a kill would have to meet the one moment.
TEST_F(RobustExport, AnArtifactThatIsReplacedIsNeverAbsent) {
  Succeed(Export(LargerModel()));
  std::atomic<bool> done = false;
  size_t looks = 0, absent = 0;
  std::thread watcher([&] {
    for (; !done; ++looks) absent += ::access((out() / "fairlead.json").c_str(), F_OK) != 0;
  });
  for (int round = 0; round < 10; ++round) Succeed(Export(LargerModel(), {"--force"}));
  done = true;
  watcher.join();
  EXPECT_GT(looks, 1000u);
  EXPECT_EQ(absent, 0u);
}

TEST_F(RobustExport, AFullDiskLeavesNoRank) {
  // The files of all ranks grow together: each limit meets another part of them.
  const int heads = TinyConfig()["num_attention_heads"];
  for (const uint64_t limit : {1u, 60'000u, 150'000u, 500'000u}) {
    Invocation invocation =
        Export(TinyModel(), {"--tensor_parallel_size", std::to_string(heads / 2)});
    invocation.largest_file = limit;
    ExpectRefusal(Fairlead(invocation), 1, "cannot write: File too large");
    EXPECT_FALSE(fs::exists(dir() / "exports")) << limit;
  }
}

TEST_F(RobustExport, AFullDiskLeavesNothing) {
  Invocation invocation = Export(TinyModel());
  for (const uint64_t limit : {1u, 1000u, 20'000u, 60'000u, 500'000u, 1'900'000u}) {
    invocation.largest_file = limit;
    ExpectRefusal(Fairlead(invocation), 1, "cannot write: File too large");
    EXPECT_FALSE(fs::exists(dir() / "exports")) << limit;
  }
  Succeed(Export(GoldenDir("tied_odd")));
  invocation.arguments.emplace_back("--force");
  ExpectRefusal(Fairlead(invocation), 1, "cannot write: File too large");
  EXPECT_EQ(Vocabulary(), kSmallVocabulary) << "the old one stays";
  EXPECT_EQ(Names(), Strings{"artifact"});
}

// A file system of its own, where this process may mount one; AFullDiskLeavesNothing needs none.
class SmallDisk {
 public:
  SmallDisk(const fs::path& path, const char* options) : path_(path) {
    fs::create_directories(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_;
};

TEST_F(RobustExport, ASmallFileSystemIsRefusedAndLeftClean) {
  const std::pair<const char*, const char*> disks[] = {
      {"size=32k", "No space left on device"},      // for the tokenizer
      {"size=1m", " MB of free disk space, got "},  // for the weights
      {"nr_inodes=4", "No space left on device"},   // for one more file
  };
  for (const auto& [options, message] : disks) {
    const SmallDisk disk(out().parent_path(), options);
    if (!disk.mounted()) return;
    ExpectRefusal(Fairlead(Export(TinyModel())), 1, message);
    EXPECT_EQ(Names(), Strings{}) << options;
  }
}

TEST_F(RobustExport, AMountPointIsRefusedBeforeAnyWork) {
  const SmallDisk disk(out(), "size=10m");
  if (!disk.mounted()) return;
  ExpectRefusal(Fairlead(Export(TinyModel())), 2, "got a mount point; name a folder inside it");
  Succeed({"export", "--model", TinyModel(), out() / "inside"});
}

TEST_F(RobustExport, APlaceWithoutTheRightToWriteIsRefused) {
  const fs::path parent = out().parent_path();
  fs::create_directory(parent);
  fs::permissions(parent, fs::perms::owner_read | fs::perms::owner_exec);
  ExpectRefusal(FairleadAsOthers(Export(TinyModel())), 1, "create the folder: Permission denied");
  Invocation deeper{{"export", "--model", TinyModel(), parent / "a" / "b" / "c"}};
  ExpectRefusal(FairleadAsOthers(deeper), 1, "create the folder: Permission denied");
  EXPECT_EQ(Names(), Strings{});

  fs::permissions(parent, fs::perms::owner_all);
  Succeed(Export(GoldenDir("tied_odd")));
  fs::permissions(parent, fs::perms::owner_read | fs::perms::owner_exec);
  ExpectRefusal(FairleadAsOthers(Export(TinyModel(), {"--force"})), 1, "Permission denied");
  EXPECT_EQ(Names(), Strings{"artifact"});
  EXPECT_EQ(Vocabulary(), kSmallVocabulary);
  fs::permissions(parent, fs::perms::owner_all);
}

struct Place {
  std::string name;
  std::string path;
  std::vector<std::string> options;
  int exit_code;
  std::string message;
};

TEST_F(RobustExport, WrongPlacesAreRefusedAndStayAsTheyAre) {
  Write("places/file", "mine");
  Write("places/folder/precious", "mine");
  Write("places/pretender/fairlead.json/precious", "mine");
  fs::create_directory(dir() / "empty");
  fs::create_symlink("/nonexistent", dir() / "places" / "dangling");
  Succeed({"export", "--model", GoldenDir("tied_odd"), dir() / "places" / "artifact"});
  fs::copy(dir() / "places" / "artifact", dir() / "places" / "shared", fs::copy_options::recursive);
  Write("places/shared/notes/keep.txt", "mine");
  fs::create_directory_symlink("artifact", dir() / "places" / "link");
  fs::create_directory_symlink(dir() / "empty", dir() / "places" / "empty_link");
  const auto listing = [&] {
    Strings names;
    for (const auto& entry : fs::recursive_directory_iterator(dir())) names.insert(entry.path());
    return names;
  };
  const Strings before = listing();
  const std::vector<std::string> force = {"--force"};
  const std::vector<Place> places = {
      {"Artifact",
       "artifact",
       {},
       2,
       "artifact: expected no such folder, got an artifact; --force"},
      {"Slash", "artifact/", {}, 2, "artifact: expected no such folder, got an artifact; --force"},
      {"File", "file", force, 2, "file: expected no such folder, got a file"},
      {"Folder", "folder", {}, 2, "got one that is no artifact, which is never replaced"},
      {"FolderForced", "folder", force, 2, "got one that is no artifact, which is never replaced"},
      {"Pretender", "pretender", force, 2, "got one that is no artifact, which is never replaced"},
      {"ArtifactWithMore", "shared", force, 2,
       "shared: expected an artifact and nothing else to replace, got \"notes\" in it"},
      {"Link", "link", force, 2, "link: expected no such folder, got a link"},
      {"LinkToNothing", "dangling", force, 2, "dangling: expected no such folder, got a link"},
      {"LinkToAnEmptyFolder", "empty_link", {}, 2, "expected no such folder, got a link"},
      {"BelowAFile", "file/a/b", {}, 1, "Not a directory"},
      {"BelowALinkToNothing", "dangling/a", {}, 1, "cannot create the folder: "},
      {"LongName", std::string(300, 'x'), {}, 1, "File name too long"},
      {"LongParent", "new/" + std::string(300, 'x') + "/a", {}, 1, "File name too long"},
      {"RoomForNoHiddenName", "new/" + std::string(250, 'x'), {}, 1, "File name too long"},
  };
  for (const Place& place : places) {
    SCOPED_TRACE(place.name);
    Invocation invocation{
        {"export", "--model", TinyModel(), (dir() / "places").string() + "/" + place.path}};
    invocation.arguments.insert(invocation.arguments.end(), place.options.begin(),
                                place.options.end());
    ExpectRefusal(Fairlead(invocation), place.exit_code, place.message);
    EXPECT_EQ(listing(), before);
  }
}

TEST_F(RobustExport, MissingParentsAreMade) {
  Succeed({"export", "--model", TinyModel(), dir() / "a" / "b" / "c" / "artifact"});
  Succeed({"load", dir() / "a" / "b" / "c" / "artifact", "--verify"});
}

}  // namespace
}  // namespace fairlead::e2e
