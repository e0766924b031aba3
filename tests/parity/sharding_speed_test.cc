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
constexpr double kMostTimes = 5.0;

// The golden text, run as a prompt again and again by an executor for `ranks` ranks on two threads.
class Runs {
 public:
  Runs(const GoldenCase& golden, const Backend& backend, int ranks) {
    auto programs = MakeRanks(golden.checkpoint->config(), *golden.checkpoint, backend, ranks, 1);
    if (!programs) return;  // degrees that the model refuses
    text_ = golden.prompts[0].prompt;
    text_.insert(text_.end(), golden.prompts[0].greedy.begin(), golden.prompts[0].greedy.end());
    facts_ = (*programs)[0]->facts;
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

// Other work on the machine only ever adds time: the shortest of several runs counts, and there are
// more of them where that is not enough.
double Ratio(Runs& one, Runs& eight) {
  constexpr int kFewest = 5, kMost = 200;
  double ratio = 0;
  for (int run = 0; run < kFewest || (ratio > kMostTimes && run < kMost); ++run) {
    const double single = one.Fastest();
    ratio = eight.Fastest() / single;
  }
  return ratio;
}

TEST(ShardingSpeed, EightRanksTakeAtMostFiveTimesTheTimeOfOne) {
  int measured = 0;
  for (const std::string& name : GoldenNames()) {
    const auto golden = LoadGolden(name);
    ASSERT_TRUE(golden) << golden.error().message;
    for (const Backend* backend : {&ReferenceBackend(), &CpuBackend()}) {
      Runs eight(*golden, *backend, kRanks);
      if (!eight.possible()) continue;
      Runs one(*golden, *backend, 1);
      const double ratio = Ratio(one, eight);
      RecordProperty(fmt::format("{}_{}", name, backend->name()), fmt::format("{:.2f}", ratio));
      EXPECT_LE(ratio, kMostTimes) << name << " on " << backend->name();
      ++measured;
    }
  }
  EXPECT_GE(measured, 8);
}

}  // namespace
}  // namespace fairlead::testing
