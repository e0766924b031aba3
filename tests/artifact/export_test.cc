#include "artifact/export.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>

#include "artifact/artifact.h"
#include "base/file.h"
#include "tests/artifact/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

const ProgressFn kSilent = [](uint64_t, uint64_t) {};

std::string Message(const Status& status) { return status ? "no error" : status.error().message; }

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Status Export(const std::string& golden, const fs::path& out, bool force = false,
              const ExportOptions& options = {}) {
  return ExportArtifact(*OpenCheckpoint(GoldenDir(golden)), out, options, LayoutBackend(), kSilent,
                        {.force = force});
}

class ExportOf : public testing::TestWithParam<std::string> {};

TEST_P(ExportOf, LoadsAsTheCheckpointBitForBit) {
  const TempDir folder;
  const fs::path out = folder.path() / "out";
  ASSERT_EQ(Message(Export(GetParam(), out)), "no error");
  const auto artifact = LoadArtifact(out, {.verify_checksums = true});
  ASSERT_TRUE(artifact) << artifact.error().message;
  const auto checkpoint = OpenCheckpoint(GoldenDir(GetParam()));
  const Graph graph = BuildGraph(*checkpoint);
  const Program& program = *(*artifact)->ranks.front();
  EXPECT_EQ(PrintGraph(program.graph), PrintGraph(graph));
  ExpectWeights(graph, *checkpoint, program.weights);
  EXPECT_EQ((*artifact)->statistics.tensors, graph.parameters().size());
  EXPECT_EQ((*artifact)->manifest.checkpoint_hash, checkpoint->Identity().value());
  for (const auto& [name, tensor] : program.weights.tensors) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % 64, 0u) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Export, ExportOf, testing::ValuesIn(GoldenNames()),
                         [](const auto& info) { return info.param; });

TEST(Export, WritesTheDocumentedFiles) {
  const TempDir folder;
  const fs::path out = folder.path() / "deep" / "er" / "out";
  ASSERT_EQ(Message(Export("mxfp4_published", out / "")), "no error");
  EXPECT_EQ(Names(folder.path() / "deep" / "er"), std::vector<std::string>{"out"});
  EXPECT_EQ(Names(out),
            (std::vector<std::string>{"config.json", "fairlead.json", "generation_config.json",
                                      "neuron_config.json", "weights"}));
  EXPECT_EQ(Names(out / "weights"), std::vector<std::string>{"rank-00000-of-00001.safetensors"});
  EXPECT_EQ(*ReadFile(out / "config.json", "test", 1 << 20),
            *ReadFile(GoldenDir("mxfp4_published") / "config.json", "test", 1 << 20));
}

TEST(Export, RecordsOptionsWithTheirDefaults) {
  const TempDir folder;
  ExportOptions options;
  options.checkpoint_id = "org/na\"me\n";
  options.batch_size = 3;
  options.torch_dtype = TorchDtype::kF32;
  ASSERT_EQ(Message(Export("bf16_sliding", folder.path() / "out", false, options)), "no error");
  const auto artifact = LoadArtifact(folder.path() / "out");
  ASSERT_TRUE(artifact) << artifact.error().message;
  options.sequence_length = 384;  // the model's own limit, below 4096
  options.max_context_length = 384;
  options.target = "layout-only";
  EXPECT_EQ((*artifact)->manifest.options, options);
  EXPECT_EQ((*artifact)->manifest.fairlead_version, FairleadVersion());
  EXPECT_EQ((*artifact)->ranks.front()->weights.tensors.at("lm_head.weight").layout.format,
            StorageFormat::kF32);
}

TEST(Export, RefusesOptionsThatTheModelCannotHave) {
  const TempDir folder;
  const auto refusal = [&](auto&& change) {
    ExportOptions options;
    change(options);
    const Status status = Export("bf16_sliding", folder.path() / "out", false, options);
    EXPECT_TRUE(!status && status.error().code == ErrorCode::kInvalidArgument);
    return Message(status);
  };
  EXPECT_EQ(refusal([](ExportOptions& options) { options.sequence_length = 385; }),
            "[export] sequence_length: expected 1 to 384, got 385");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.sequence_length = -1; }),
            "[export] sequence_length: expected 1 to 384, got -1");
  EXPECT_EQ(refusal([](ExportOptions& options) { options.batch_size = -1; }),
            "[export] batch_size: expected an integer from 1 to 1048576, got -1");
  EXPECT_TRUE(Names(folder.path()).empty());
}

TEST(Export, KeepsTheTokenizerInBothForms) {
  const TempDir folder;
  fs::copy(GoldenDir("tied_odd"), folder.path() / "model");
  fs::copy(fs::path(FAIRLEAD_MODELS) / "tiny-gpt-oss" / "tokenizer.json", folder.path() / "model");
  const auto checkpoint = OpenCheckpoint(folder.path() / "model");
  const fs::path out = folder.path() / "out";
  ASSERT_EQ(Message(ExportArtifact(*checkpoint, out, {}, LayoutBackend(), kSilent)), "no error");
  const auto from_json = Tokenizer::FromJson(out / "tokenizer.json");
  const auto compact = Tokenizer::FromCompact(out / "tokenizer.bin");
  ASSERT_TRUE(from_json && compact);
  const std::string text = "The quick brown fox, 12345.";
  EXPECT_EQ((*from_json)->Encode(text, false).value(), (*compact)->Encode(text, false).value());

  ASSERT_TRUE(LoadArtifact(out, {.verify_checksums = true}));
  std::ofstream(out / "tokenizer.bin", std::ios::app) << "x";
  const auto damaged = LoadArtifact(out, {.verify_checksums = true});
  ASSERT_FALSE(damaged);
  EXPECT_TRUE(Contains(damaged.error().message, "tokenizer.bin: expected "))
      << damaged.error().message;
}

TEST(Export, ReportsProgressUpToTheEnd) {
  const TempDir folder;
  std::vector<std::pair<uint64_t, uint64_t>> reports;
  ASSERT_TRUE(ExportArtifact(
      *OpenCheckpoint(GoldenDir("tied_odd")), folder.path() / "out", {}, LayoutBackend(),
      [&](uint64_t done, uint64_t total) { reports.emplace_back(done, total); }));
  ASSERT_GE(reports.size(), 2u);
  EXPECT_EQ(reports.front().first, 0u);
  EXPECT_EQ(reports.back().first, reports.back().second);
  EXPECT_EQ(reports.back().second, LoadArtifact(folder.path() / "out").value()->statistics.bytes);
}

TEST(Export, KeepsWhatIsThereUnlessItIsAnArtifactAndForced) {
  TempDir folder;
  const fs::path out = folder.path() / "out";
  folder.Write("out/precious.txt", "mine");
  EXPECT_TRUE(Contains(Message(Export("tied_odd", out)), "got one that is no artifact"));
  EXPECT_TRUE(Contains(Message(Export("tied_odd", out, true)), "got one that is no artifact"));
  EXPECT_EQ(*ReadFile(out / "precious.txt", "test", 100), "mine");
  fs::remove(out / "precious.txt");
  EXPECT_EQ(Message(Export("tied_odd", out)), "no error") << "an empty folder is taken";
  EXPECT_TRUE(Contains(Message(Export("mqa_top4", out)), "an artifact; --force replaces it"));
  EXPECT_EQ(LoadArtifact(out).value()->facts().vocabulary_size, 97);
  EXPECT_EQ(Message(Export("mqa_top4", out, true)), "no error");
  EXPECT_EQ(LoadArtifact(out).value()->facts().vocabulary_size, 113);
  EXPECT_EQ(Names(folder.path()), std::vector<std::string>{"out"});

  folder.Write("file", "mine");
  EXPECT_TRUE(Contains(Message(Export("tied_odd", folder.path() / "file", true)), "got a file"));
  fs::create_directory_symlink(out, folder.path() / "link");
  EXPECT_TRUE(Contains(Message(Export("tied_odd", folder.path() / "link", true)), "got a link"));
  EXPECT_TRUE(Contains(Message(Export("tied_odd", folder.path() / "file" / "x")), "cannot "));
  EXPECT_TRUE(Contains(Message(Export("tied_odd", "/")), "expected a new folder's name"));
  EXPECT_TRUE(Contains(Message(Export("tied_odd", "")), "expected a new folder's name"));
}

TEST(Export, AProgramThatRunsAnArtifactKeepsItWhileItIsReplaced) {
  const TempDir folder;
  const fs::path out = folder.path() / "out";
  ASSERT_TRUE(Export("tied_odd", out));
  const auto artifact = LoadArtifact(out);
  ASSERT_TRUE(artifact) << artifact.error().message;
  ASSERT_TRUE(Export("mqa_top4", out, true));
  const auto checkpoint = OpenCheckpoint(GoldenDir("tied_odd"));
  ExpectWeights(BuildGraph(*checkpoint), *checkpoint, (*artifact)->ranks.front()->weights);
}

// Files larger than a limit cannot be written, as on a full disk.
TEST(Export, AFailedWriteLeavesNothing) {
  const TempDir folder;
  const fs::path out = folder.path() / "out";
  for (const rlim_t limit : {10, 2'000, 40'000}) {  // config, safetensors header, some tensor
    const pid_t child = ::fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit file_size{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &file_size);
      const Status status = Export("tied_odd", out);
      ::_exit(!status && Contains(status.error().message, "File too large") ? 0 : 1);
    }
    int result = -1;
    ::waitpid(child, &result, 0);
    EXPECT_EQ(result, 0) << limit;
    EXPECT_TRUE(Names(folder.path()).empty()) << limit;
  }
  EXPECT_TRUE(Export("tied_odd", out));
}

TEST(Export, AnUnwritablePlaceIsAnError) {
  if (::geteuid() == 0) {
    EXPECT_TRUE(Contains(Message(Export("tied_odd", "/proc/out")), "[export] /proc/"));
    return;
  }
  const TempDir folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(Contains(Message(Export("tied_odd", folder.path() / "out")), "Permission denied"));
  fs::permissions(folder.path(), fs::perms::owner_all);
}

// A child is killed at random moments of its export, which takes the place of an older one.
TEST(Export, KilledAtAnyMomentLeavesTheOldOrTheNewArtifact) {
  const TempDir folder;
  const fs::path out = folder.path() / "out";
  ASSERT_TRUE(Export("tied_odd", out));
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      while (true) {
        if (!Export("mqa_top4", out, true)) ::_exit(1);
      }
    }
    ::usleep(random() % 30'000);
    ::kill(child, SIGKILL);
    int result = 0;
    ::waitpid(child, &result, 0);
    ASSERT_TRUE(WIFSIGNALED(result)) << "an export failed";
    const auto artifact = LoadArtifact(out, {.verify_checksums = true});
    ASSERT_TRUE(artifact) << artifact.error().message;
  }
  ASSERT_TRUE(Export("tied_odd", out, true));
  EXPECT_EQ(Names(folder.path()), std::vector<std::string>{"out"}) << "the next export cleans up";
}

TEST(Export, LeavesTheFoldersOfLivingExportsAlone) {
  const TempDir folder;
  fs::create_directory(folder.path() / ".out.tmp-1-dead");
  fs::create_directory(folder.path() / ".out.tmp-1-alive");
  fs::create_directory(folder.path() / ".other.tmp-1-dead");
  const int fd = ::open((folder.path() / ".out.tmp-1-alive").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_TRUE(Export("tied_odd", folder.path() / "out"));
  EXPECT_EQ(Names(folder.path()),
            (std::vector<std::string>{".other.tmp-1-dead", ".out.tmp-1-alive", "out"}));
  ::close(fd);
}

TEST(Export, OfTwoAtOnceOneWins) {
  const TempDir folder;
  const fs::path out = folder.path() / "out";
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(Export("tied_odd", out) ? 0 : 1);
    children.push_back(child);
  }
  int winners = 0;
  for (const pid_t child : children) {
    int result = 0;
    ::waitpid(child, &result, 0);
    ASSERT_TRUE(WIFEXITED(result));
    winners += WEXITSTATUS(result) == 0;
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(Names(folder.path()), std::vector<std::string>{"out"});
  const auto artifact = LoadArtifact(out, {.verify_checksums = true});
  EXPECT_TRUE(artifact) << artifact.error().message;
}

TEST(Export, OfACheckpointThatLacksTensorsWritesNothing) {
  const TempDir folder;
  fs::copy(GoldenDir("tied_odd"), folder.path() / "model");
  const auto whole = OpenCheckpoint(GoldenDir("tied_odd"));
  std::vector<std::pair<std::string, TensorView>> tensors;
  for (const std::string& name : whole->names()) {
    if (!name.ends_with("sinks")) tensors.emplace_back(name, *whole->Find(name));
  }
  ASSERT_TRUE(WriteSafetensors(folder.path() / "model" / "model.safetensors", tensors));
  const Status status = ExportArtifact(*OpenCheckpoint(folder.path() / "model"),
                                       folder.path() / "out", {}, LayoutBackend(), kSilent);
  EXPECT_EQ(Message(status), "[convert] " + (folder.path() / "model").string() +
                                 ": missing tensors (2): model.layers.0.self_attn.sinks, "
                                 "model.layers.1.self_attn.sinks");
  EXPECT_EQ(Names(folder.path()), std::vector<std::string>{"model"});
}

}  // namespace
}  // namespace fairlead
