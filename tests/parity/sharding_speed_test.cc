// Many ranks on few CPUs must not crawl: waiting ranks give way to those that work.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "backends/cpu/cpu_backend.h"
#include "backends/reference/reference_backend.h"
#include "runtime/parallel_executor.h"
#include "runtime/score.h"
#include "tests/parity/golden.h"

namespace fairlead::testing {
namespace {

constexpr int kRanks = 8;
constexpr size_t kTokens = 384;  // fewer would time nothing but waiting
constexpr double kMostTimes = 5.0;

// The golden text, run as a prompt again and again by an executor for `ranks` ranks on two threads.
class Runs {
 public:
  Runs(const GoldenCase& golden, const Backend& backend, int ranks) {
    auto programs = MakeRanks(golden.checkpoint->config(), *golden.checkpoint, backend, ranks, 1);
    if (!programs) return;  // degrees that the model refuses
    facts_ = (*programs)[0]->facts;
    text_ = golden.prompts[0].prompt;
    const std::vector<int32_t>& greedy = golden.prompts[0].greedy;
    while (text_.size() < kTokens) text_.insert(text_.end(), greedy.begin(), greedy.end());
    text_.resize(std::min(kTokens, static_cast<size_t>(facts_.max_positions)));
    ExecutorOptions options;
    options.threads = 2;
    options.max_position = static_cast<int64_t>(text_.size());
    auto executor = CreateParallelExecutor(backend, {programs->begin(), programs->end()}, options);
    EXPECT_TRUE(executor) << executor.error().message;
    if (executor) executor_ = *std::move(executor);
  }

  bool possible() const { return executor_ != nullptr; }

  // The shortest time so far, in seconds.
  double Fastest() {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(ScoreTokens(*executor_, facts_, text_));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return fastest_ = std::min(fastest_, taken.count());
  }

 private:
  ModelFacts facts_;
  std::vector<int32_t> text_;
  std::unique_ptr<Executor> executor_;
  double fastest_ = std::numeric_limits<double>::infinity();
};

// A golden at one degree and at the other.
struct Pair {
  std::string name;
  Runs one, eight;
};

// The time of all goldens with eight ranks over that with one. Other work on the machine only ever
// adds time: the shortest of several runs counts, and there are more where that is not enough.
double Ratio(std::vector<Pair>& pairs) {
  constexpr int kFewest = 5, kMost = 100;
  double ratio = 0;
  for (int run = 0; run < kFewest || (ratio > kMostTimes && run < kMost); ++run) {
    double one = 0, eight = 0;
    for (Pair& pair : pairs) {
      const double single = pair.one.Fastest(), shared = pair.eight.Fastest();
      one += single;
      eight += shared;
      ::testing::Test::RecordProperty(pair.name, fmt::format("{:.2f}", shared / single));
    }
    ratio = eight / one;
  }
  return ratio;
}

TEST(ShardingSpeed, EightRanksTakeAtMostFiveTimesTheTimeOfOne) {
  for (const Backend* backend : {&ReferenceBackend(), &CpuBackend()}) {
    std::vector<Pair> pairs;
    for (const std::string& name : GoldenNames()) {
      const auto golden = LoadGolden(name);
      ASSERT_TRUE(golden) << golden.error().message;
      Runs eight(*golden, *backend, kRanks);
      if (!eight.possible()) continue;
      pairs.push_back({fmt::format("{}_{}", name, backend->name()), Runs(*golden, *backend, 1),
                       std::move(eight)});
    }
    EXPECT_GE(pairs.size(), 4u);
    const double ratio = Ratio(pairs);
    RecordProperty(std::string(backend->name()), fmt::format("{:.2f}", ratio));
    EXPECT_LE(ratio, kMostTimes) << backend->name();
  }
}

}  // namespace
}  // namespace fairlead::testing
