// Random engines, requests, cancellations and submissions from sinks: every answer is what it is
// alone, ends exactly once, and everything is given back.
#include <gtest/gtest.h>

#include <set>

#include "runtime/ngram_drafter.h"
#include "tests/runtime/fake_answers.h"

namespace fairlead::testing {
namespace {

class RandomRun {
 public:
  explicit RandomRun(uint32_t seed) : random_(seed), executor_(Limits()) {
    EngineOptions options;
    options.drafter = std::make_shared<NgramDrafter>();
    options.mixed_prompt_rows = 1 + Below(40);
    options.prefix_cache = Below(4) != 0;
    engine_ = EngineOn(executor_, options);
    templates_ = RandomFakeRequests(seed, 12);
    for (Request& request : templates_) {
      request.n = Below(3) == 0 ? 1 + Below(5) : 1;
      request.priority = Below(3);
      request.draft_tokens = Below(2) == 0 ? 0 : Below(20);
    }
  }

  void Run() {
    for (const Request& request : templates_) Submit(request);
    for (int steps = 0;; ++steps) {
      const Result<bool> stepped = engine_->Step();
      ASSERT_TRUE(stepped) << stepped.error().message;
      const Status sound = engine_->CheckInvariants();
      ASSERT_TRUE(sound) << sound.error().message;
      ASSERT_LT(steps, 60000);
      if (!*stepped) break;
    }
    CheckAnswers();
    const EngineStatistics statistics = engine_->statistics();
    EXPECT_EQ(statistics.live + statistics.waiting, 0);
    for (const KvStatistics::Pages& pages : statistics.kv.pages) EXPECT_EQ(pages.held, 0);
  }
  EngineStatistics statistics() const { return engine_->statistics(); }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }

  // Pages for little more than the longest request, or slots with fixed shapes.
  FakeLimits Limits() {
    FakeLimits limits{.max_rows = 1 + Below(64), .max_slots = 1 + Below(6)};
    if (Below(5) == 0) {
      return {.max_rows = 16,
              .max_slots = 4,
              .slot_positions = {1024, 64},
              .shapes = {{1, 16}, {4, 1}, {4, 4}}};
    }
    limits.kv_pages = {8 + Below(10), 8 + Below(6)};
    return limits;
  }

  void Submit(const Request& request) {
    const Result<RequestId> id =
        engine_->Submit(request, [this](const Event& event) { Take(event); });
    ASSERT_TRUE(id) << id.error().message;
    asked_[*id] = request;
  }

  // A sink that now and then cancels somebody or asks for more.
  void Take(const Event& event) {
    collector_.Take(event);
    if (event.finish_reason) ++last_events_[event.request];
    if (Below(150) == 0) engine_->Cancel(std::next(asked_.begin(), Below(Size()))->first);
    if (Below(100) == 0 && more_-- > 0) Submit(templates_[random_() % templates_.size()]);
  }
  int Size() const { return static_cast<int>(asked_.size()); }

  void CheckAnswers() {
    for (const auto& [id, request] : asked_) {
      EXPECT_EQ(last_events_[id], request.n);
      Request one = request;
      for (int i = 0; i < request.n; ++i, ++one.sampling.seed) {
        const Collected& answer = collector_.of(id, i);
        std::vector<int32_t> expected = Expected(one).tokens;
        if (answer.finish_reason == FinishReason::kCancelled) {
          expected.resize(std::min(expected.size(), answer.tokens.size()));
        }
        EXPECT_EQ(answer.tokens, expected) << "request " << id << " answer " << i;
      }
    }
  }

  std::mt19937 random_;
  FakeExecutor executor_;
  std::unique_ptr<Engine> engine_;
  std::vector<Request> templates_;
  Collector collector_;
  std::map<RequestId, Request> asked_;
  std::map<RequestId, int> last_events_;
  int more_ = 6;
};

TEST(EngineRandom, EveryAnswerIsWhatItIsAloneAndEndsOnce) {
  int64_t preemptions = 0;
  int64_t cancelled = 0;
  int64_t forks = 0;
  int64_t accepted = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun run(seed);
    run.Run();
    if (HasFailure()) return;
    preemptions += run.statistics().preemptions;
    cancelled += run.statistics().cancelled;
    forks += run.statistics().kv.forks;
    accepted += run.statistics().accepted_tokens;
  }
  EXPECT_GT(preemptions, 300);
  EXPECT_GT(cancelled, 300);
  EXPECT_GT(forks, 300);
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace fairlead::testing
