// `fairlead cache`, and the limit of what it takes care of.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "artifact/path_lock.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

class Cache : public ProgramTest {
 protected:
  // Runs a checkpoint, which exports it into the cache; returns its folder there.
  fs::path Use(const fs::path& model, std::map<std::string, std::string> environment = {}) {
    Succeed(Invocation{{"inspect", model}, std::move(environment)});
    std::set<fs::path> now = Artifacts();
    for (const fs::path& path : now) {
      if (path.filename().string().starts_with(model.filename().string())) return path;
    }
    ADD_FAILURE() << model << " is not in the cache";
    return {};
  }
  std::set<fs::path> Artifacts() const {
    std::set<fs::path> folders;
    if (!fs::exists(cache())) return folders;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache())) {
      folders.insert(entry.path());
    }
    return folders;
  }
  static void Age(const fs::path& artifact, int days) {
    fs::last_write_time(artifact, fs::file_time_type::clock::now() - hours(24 * days));
  }
  static void FlipByteOfWeights(const fs::path& artifact) {
    for (const auto& file : fs::directory_iterator(artifact / "weights")) {
      std::string bytes = ReadText(file.path());
      bytes[bytes.size() - 64] ^= 1;
      std::ofstream(file.path(), std::ios::binary) << bytes;
    }
  }
  std::string Clean(std::vector<std::string> more) const {
    std::vector<std::string> words = {"cache", "clean"};
    words.insert(words.end(), more.begin(), more.end());
    return Succeed(words);
  }
};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Cache, ListShowsWhatIsThere) {
  EXPECT_EQ(Succeed({"cache", "list"}), cache().string() + ": empty, limit 100 GB\n");
  const fs::path old = Use(GoldenDir("tied_odd"));
  Age(old, 2);
  const fs::path tiny = Use(TinyModel());
  const std::vector<std::string> lines = Lines(Succeed({"cache", "list"}));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[0].starts_with("name ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with(tiny.filename().string() + "  " + TinyModel().string()))
      << lines[1];
  EXPECT_TRUE(lines[1].ends_with("  complete")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with(old.filename().string() + "  ")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with(cache().string() + ": ")) << lines[3];
  EXPECT_TRUE(lines[3].ends_with(" MB, limit 100 GB")) << lines[3];

  const Invocation unlimited{{"cache", "list", "--json"}, {{"FAIRLEAD_CACHE_SIZE", "unlimited"}}};
  const Json json = Json::parse(Succeed(unlimited));
  EXPECT_EQ(json["folder"], cache().string());
  EXPECT_TRUE(json["limit_bytes"].is_null());
  ASSERT_EQ(json["entries"].size(), 2u);
  const Json& entry = json["entries"][0];
  EXPECT_EQ(entry["name"], tiny.filename().string());
  EXPECT_EQ(entry["model"], TinyModel().string());
  EXPECT_EQ(entry["state"], "complete");
  EXPECT_EQ(entry["in_use"], false);
  EXPECT_EQ(entry["tp_degree"], 1);
  EXPECT_EQ(json["total_bytes"].get<int64_t>(),
            entry["bytes"].get<int64_t>() + json["entries"][1]["bytes"].get<int64_t>());
}

TEST_F(Cache, ListNamesModelsOnOneLine) {
  const fs::path model = dir() / "line\nbreak";
  CopyModel(GoldenDir("tied_odd"), model);
  Succeed(Invocation{{"inspect", model}});
  const std::string text = Succeed({"cache", "list"});
  EXPECT_EQ(Lines(text).size(), 3u) << text;
  EXPECT_TRUE(Contains(text, "line\\nbreak")) << text;
}

TEST_F(Cache, CleanRemovesOnlyWhatIsOfNoUse) {
  const fs::path tiny = Use(TinyModel()), damaged = Use(GoldenDir("tied_odd"));
  fs::resize_file(damaged / "fairlead.json", 100);
  Write("cache/.mine-0123456789abcdef.tmp-1-00000000/weights/part", "12345");
  Write("cache/mine-0123456789abcdef.lock", "");
  Write("cache/notes.txt", "not ours");
  const std::string list = Succeed({"cache", "list"});
  EXPECT_TRUE(Contains(list, "unreadable: [artifact] " + damaged.string())) << list;
  EXPECT_TRUE(Contains(list, "unfinished, left by a process that died")) << list;

  const std::string told = Clean({"--dry_run"});
  EXPECT_TRUE(Contains(told, "would remove " + damaged.filename().string())) << told;
  EXPECT_EQ(Artifacts().size(), 5u);
  const std::string done = Clean({});
  EXPECT_TRUE(Contains(done, "removed .mine-0123456789abcdef.tmp-1-00000000 (5 B, unfinished)\n"))
      << done;
  EXPECT_TRUE(Contains(done, "removed " + damaged.filename().string())) << done;
  EXPECT_EQ(Artifacts(), (std::set<fs::path>{tiny, cache() / "notes.txt"}));
  EXPECT_TRUE(Contains(Clean({}), ": 0 B freed, ")) << "nothing is left to do";
}

TEST_F(Cache, CleanSelects) {
  const fs::path old = Use(GoldenDir("tied_odd")), middle = Use(GoldenDir("mqa_top4")),
                 tiny = Use(TinyModel());
  Age(old, 40), Age(middle, 20), Age(tiny, 10);
  Clean({"--older_than", "30"});
  EXPECT_EQ(Artifacts(), (std::set<fs::path>{middle, tiny}));
  Clean({"--model", "no such model"});
  EXPECT_EQ(Artifacts().size(), 2u);
  const Json entries = Json::parse(Succeed({"cache", "list", "--json"}))["entries"];
  ASSERT_EQ(entries[0]["name"], tiny.filename().string());
  Clean({"--max-size", fmt::format("{}B", entries[0]["bytes"].get<int64_t>())});
  EXPECT_EQ(Artifacts(), (std::set<fs::path>{tiny}));
  Use(GoldenDir("tied_odd")), Use(GoldenDir("mqa_top4"));
  Clean({"--model", "tied"});
  EXPECT_EQ(Artifacts(), (std::set<fs::path>{middle, tiny}));
  Clean({tiny.filename().string()});
  EXPECT_EQ(Artifacts(), (std::set<fs::path>{middle}));
  Clean({"--all"});
  EXPECT_TRUE(Artifacts().empty());
}

TEST_F(Cache, CleanLeavesWhatIsInUse) {
  const fs::path tiny = Use(TinyModel());
  const auto used = PathLock::Try(tiny, LockMode::kShared);
  ASSERT_TRUE(used);
  EXPECT_TRUE(Contains(Succeed({"cache", "list"}), "  complete, in use\n"));
  EXPECT_TRUE(Contains(Clean({"--all"}),
                       "kept " + tiny.filename().string() + ": in use by a running process\n"));
  EXPECT_TRUE(fs::exists(tiny));
}

TEST_F(Cache, ARunningProgramKeepsItsArtifact) {
  const fs::path tiny = Use(TinyModel());
  const fs::path fifo = dir() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  // More than a pipe holds: the program stays until somebody reads.
  std::string prompts = "The ship";
  for (int i = 0; i < 299; ++i) prompts += "|The ship";
  Invocation writer{
      {"generate", TinyModel(), "--prompts", prompts, "--length", "60", "--ignore_eos", "--json"}};
  writer.output = fifo;
  std::thread thread([&] { EXPECT_EQ(Fairlead(writer).exit_code, 0); });
  std::string list;
  for (int i = 0; i < 200 && !Contains(list, "in use"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    list = Succeed({"cache", "list"});
  }
  EXPECT_TRUE(Contains(list, "complete, in use")) << list;
  EXPECT_TRUE(Contains(Clean({"--all"}), "in use by a running process"));
  std::string sink(1 << 20, '\0');
  std::thread drain([&] {
    while (::read(reader, sink.data(), sink.size()) > 0 && sink[0] != '\x04') {
    }
  });
  thread.join();
  EXPECT_EQ(::write(reader, "\x04", 1), 1);
  drain.join();
  ::close(reader);
  Clean({"--all"});
  EXPECT_FALSE(fs::exists(tiny));
}

TEST_F(Cache, VerifyReadsEveryByte) {
  EXPECT_EQ(Succeed({"cache", "verify"}), cache().string() + ": no artifacts\n");
  const fs::path tiny = Use(TinyModel()), damaged = Use(GoldenDir("tied_odd"));
  const std::string sound = Succeed({"cache", "verify"});
  EXPECT_EQ(Lines(sound).size(), 2u);
  EXPECT_TRUE(Contains(sound, tiny.filename().string() + ": ok (")) << sound;
  FlipByteOfWeights(damaged);
  EXPECT_TRUE(Contains(Succeed({"cache", "list"}), "complete")) << "weights are not read";

  const Outcome outcome = Fairlead({"cache", "verify"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_TRUE(Contains(outcome.out, damaged.filename().string() + ": damaged: [artifact] "))
      << outcome;
  EXPECT_TRUE(Contains(outcome.out, tiny.filename().string() + ": ok ")) << outcome;
  EXPECT_TRUE(
      Contains(outcome.err, "fairlead: [cache] " + cache().string() + ": 1 of 2 artifacts damaged"))
      << outcome;
  EXPECT_TRUE(Contains(outcome.err, "verifying " + tiny.filename().string() + ": 100%")) << outcome;
  Succeed({"cache", "verify", tiny.filename().string()});
  EXPECT_EQ(Fairlead({"cache", "verify", damaged.filename().string()}).exit_code, 1);
}

struct Refusal {
  std::vector<std::string> arguments;
  int exit_code;
  std::string message;
  std::map<std::string, std::string> environment = {};
};

TEST_F(Cache, RefusesWhatCannotBe) {
  const std::string name = "nonsense-0123456789abcdef";
  const std::vector<Refusal> refusals = {
      {{"lst"}, 2, "unknown command \"lst\"; did you mean list? (see fairlead cache --help)"},
      {{"list", "x"}, 2, "unexpected argument \"x\" (see fairlead cache list --help)"},
      {{"list", "--jso"}, 2, "unknown option \"--jso\"; did you mean --json? (see fairlead cache"},
      {{"clean", name}, 1, "expected an entry's name, got \"" + name + "\""},
      {{"verify", name}, 1, "expected an artifact's name, got \"" + name + "\""},
      {{"clean", "--all", "--model", "x"}, 2, "expected --all or a selection, got both"},
      {{"clean", "--all", "x"}, 2, "expected --all or a selection, got both"},
      {{"clean", "--older_than", "-1"}, 2, "--older_than: expected a number from 0 to 1000000"},
      {{"clean", "--older_than", "nan"}, 2, "--older_than: expected a number from 0 to 1000000"},
      {{"clean", "--max_size", "5XB"}, 2, "--max_size: expected a size such as 50GB, got \"5XB\""},
      {{"clean", "--max_size", "-5GB"}, 2, "--max_size: expected a size such as 50GB, got"},
      {{"list"},
       2,
       "FAIRLEAD_CACHE_SIZE: expected a size such as 50GB, or unlimited, got \"all\"",
       {{"FAIRLEAD_CACHE_SIZE", "all"}}},
      {{"list"},
       1,
       "expected FAIRLEAD_CACHE, XDG_CACHE_HOME or HOME to be set, got none",
       {{"FAIRLEAD_CACHE", ""}, {"HOME", ""}}},
      {{"list"},
       1,
       "file: cannot read the folder: Not a directory",
       {{"FAIRLEAD_CACHE", Write("file", "")}}},
      {{"clean", "--all"},
       1,
       "file: cannot read the folder: Not a directory",
       {{"FAIRLEAD_CACHE", Write("file", "")}}},
  };
  for (const Refusal& refusal : refusals) {
    std::vector<std::string> words = {"cache"};
    words.insert(words.end(), refusal.arguments.begin(), refusal.arguments.end());
    const Outcome outcome = Fairlead(Invocation{words, refusal.environment});
    EXPECT_EQ(outcome.exit_code, refusal.exit_code) << outcome;
    EXPECT_EQ(outcome.out, "");
    ASSERT_EQ(outcome.ErrorLines().size(), 1u) << outcome;
    EXPECT_TRUE(Contains(outcome.err, refusal.message)) << refusal.message << '\n' << outcome;
  }
  EXPECT_FALSE(fs::exists(cache()));
}

TEST_F(Cache, HelpNamesEveryOption) {
  const std::map<std::string, std::vector<std::string>> commands = {
      {"list", {"--json"}},
      {"clean", {"NAMES", "--all", "--model", "--older_than", "--max_size", "--dry_run"}},
      {"verify", {"NAMES"}}};
  const std::string all = Succeed({"cache", "--help"});
  for (const auto& [command, options] : commands) {
    EXPECT_TRUE(Contains(all, "\n  " + command + " ")) << all;
    const std::string text = Succeed({"cache", command, "--help"});
    EXPECT_TRUE(Contains(text, "fairlead cache " + command)) << text;
    EXPECT_TRUE(Contains(text, "--log_level")) << text;
    for (const std::string& option : options) {
      EXPECT_TRUE(Contains(text, "\n  " + option + " ")) << option << " in " << text;
    }
  }
  const Outcome bare = Fairlead({"cache"});
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_EQ(bare.err, all);
}

TEST_F(Cache, AnExportMakesRoomForItself) {
  const fs::path first = Use(GoldenDir("tied_odd"));
  Age(first, 1);
  const Outcome second =
      Fairlead(Invocation{{"inspect", TinyModel()}, {{"FAIRLEAD_CACHE_SIZE", "2.1 MB"}}});
  EXPECT_EQ(second.exit_code, 0) << second;
  EXPECT_TRUE(Contains(second.err, "info: [cache] removed " + first.filename().string())) << second;
  ASSERT_EQ(Artifacts().size(), 1u);
  EXPECT_TRUE(Artifacts().begin()->filename().string().starts_with("tiny-gpt-oss-"));
}

TEST_F(Cache, ALimitThatIsNoSizeIsRefusedBeforeAnyWork) {
  const Outcome outcome =
      Fairlead(Invocation{{"inspect", TinyModel()}, {{"FAIRLEAD_CACHE_SIZE", "lots"}}});
  EXPECT_EQ(outcome.exit_code, 2) << outcome;
  EXPECT_EQ(outcome.err,
            "fairlead: [cache] FAIRLEAD_CACHE_SIZE: expected a size such as 50GB, or unlimited, "
            "got \"lots\"\n");
  EXPECT_FALSE(fs::exists(cache()));
}

// All start at once; whoever comes second waits, and runs the same artifact.
TEST_F(Cache, ConcurrentRunsShareOneExport) {
  constexpr size_t kRuns = 6;
  std::vector<Outcome> outcomes(kRuns);
  std::vector<std::thread> threads;
  for (Outcome& outcome : outcomes) {
    threads.emplace_back([&] {
      outcome = Fairlead({"generate", TinyModel(), "--prompts", "The ship", "--temperature", "0"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t exports = 0;
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(outcome.out, outcomes[0].out);
    exports += Contains(outcome.err, "exporting into the cache: 100%") ? 1 : 0;
  }
  EXPECT_EQ(exports, 1u);
  EXPECT_EQ(Artifacts().size(), 1u) << "neither a second artifact nor a lock is left";
}

// Runs export, and cleaners remove, the same artifact over and over.
TEST_F(Cache, RunsSucceedWhileOthersCleanEverything) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 8; ++round) {
        Succeed({"inspect", GoldenDir("tied_odd")});
      }
    });
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) Clean({"--all"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  Clean({"--all"});
  EXPECT_TRUE(Artifacts().empty());
}

}  // namespace
}  // namespace fairlead::e2e
