// Who waits, who makes room for whom, and that failures end every answer exactly once.
#include <gtest/gtest.h>

#include <limits>

#include "runtime/batch.h"
#include "runtime/kv/paged_kv.h"
#include "runtime/ngram_drafter.h"
#include "tests/runtime/fake_answers.h"

namespace fairlead::testing {
namespace {

Request Ask(std::vector<int32_t> prompt, int64_t tokens, int priority = 0) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = tokens;
  request.ignore_eos = true;
  request.priority = priority;
  return request;
}

// Always proposes as much as it may.
class Eager : public Drafter {
 public:
  std::vector<int32_t> Propose(std::span<const int32_t>, int count) const override {
    return std::vector<int32_t>(static_cast<size_t>(count), 3);
  }
};

TEST(EnginePolicy, WhoDoesNotFitLetsNobodyPass) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 3, .kv_pages = {8, 20}});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::mt19937 random(1);
  collector.Submit(*engine, Ask(RandomPrompt(random, 100), 60));  // four pages, five in the end
  ASSERT_TRUE(engine->Step());
  const RequestId large = collector.Submit(*engine, Ask(RandomPrompt(random, 200), 2));
  const RequestId small = collector.Submit(*engine, Ask(RandomPrompt(random, 5), 2));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine->Step());
  EXPECT_TRUE(collector.of(small).tokens.empty());
  EXPECT_EQ(engine->statistics().waiting, 2);
  Drain(*engine);
  EXPECT_EQ(collector.of(large).tokens.size(), 2u);
  EXPECT_EQ(collector.of(small).tokens.size(), 2u);
}

TEST(EnginePolicy, WhoRanksLastMakesRoom) {
  // Each needs one page at first and four in the end; there are six.
  FakeExecutor executor({.max_rows = 64, .max_slots = 3, .kv_pages = {6, 20}});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const RequestId low = collector.Submit(*engine, Ask({1, 2}, 120, -1));
  const RequestId first = collector.Submit(*engine, Ask({3, 4}, 120));
  const RequestId second = collector.Submit(*engine, Ask({5, 6}, 120));
  size_t steps = 0;
  while (!collector.of(first).finish_reason) {
    ASSERT_TRUE(engine->Step());
    // The one that came first among those of the highest priority is never put back.
    EXPECT_EQ(collector.of(first).tokens.size(), ++steps);
    EXPECT_GE(collector.of(second).tokens.size(), collector.of(low).tokens.size());
  }
  EXPECT_LT(collector.of(low).tokens.size(), 80u);
  Drain(*engine);
  EXPECT_EQ(collector.of(low).tokens, Expected(Ask({1, 2}, 120)).tokens);
  EXPECT_EQ(collector.of(second).tokens, Expected(Ask({5, 6}, 120)).tokens);
}

TEST(EnginePolicy, PrioritiesMayBeAnyNumber) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const RequestId least = collector.Submit(*engine, Ask({1}, 2, std::numeric_limits<int>::min()));
  const RequestId most = collector.Submit(*engine, Ask({1}, 2, std::numeric_limits<int>::max()));
  ASSERT_TRUE(engine->Step());
  ASSERT_TRUE(engine->Step());
  EXPECT_EQ(collector.of(most).tokens.size(), 2u);
  EXPECT_TRUE(collector.of(least).tokens.empty());
  Drain(*engine);
}

TEST(EnginePolicy, DraftsAreGivenUpBeforeAnAnswerIs) {
  // Without drafts the two never need more than three pages together: the second ends first.
  FakeExecutor executor({.max_rows = 64, .max_slots = 2, .kv_pages = {3, 12}});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.drafter = std::make_shared<Eager>()});
  Collector collector;
  std::mt19937 random(3);
  Request drafting = Ask(RandomPrompt(random, 20), 40);
  drafting.draft_tokens = 20;
  const RequestId first = collector.Submit(*engine, drafting);
  const RequestId second = collector.Submit(*engine, Ask(RandomPrompt(random, 55), 6));
  Drain(*engine);
  EXPECT_EQ(engine->statistics().preemptions, 0);
  EXPECT_GT(engine->statistics().drafted_tokens, 0);
  EXPECT_EQ(collector.of(first).tokens, Expected(drafting).tokens);
  EXPECT_EQ(collector.of(second).tokens.size(), 6u);
}

TEST(EnginePolicy, DraftsEndWhereTheContextEnds) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1, .max_position = 50});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.drafter = std::make_shared<Eager>()});
  Collector collector;
  Request request = Ask(std::vector<int32_t>(30, 3), 1000);
  request.draft_tokens = 30;
  const RequestId id = collector.Submit(*engine, request);
  Drain(*engine);
  EXPECT_EQ(collector.of(id).tokens, Expected(request, 50).tokens);
  EXPECT_EQ(collector.of(id).finish_reason, FinishReason::kLength);
  EXPECT_GT(engine->statistics().drafted_tokens, 0);
}

TEST(EnginePolicy, DraftsLeavePromptsTheirRows) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  const std::unique_ptr<Engine> engine =
      EngineOn(executor, {.mixed_prompt_rows = 40, .drafter = std::make_shared<Eager>()});
  Collector collector;
  Request drafting = Ask({1, 2, 3}, 500);
  drafting.draft_tokens = 1000;
  collector.Submit(*engine, drafting);
  ASSERT_TRUE(engine->Step());
  const RequestId late = collector.Submit(*engine, Ask(std::vector<int32_t>(100, 5), 1));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->Step());
  EXPECT_EQ(collector.of(late).tokens.size(), 1u);
  for (const StepPlan& plan : executor.plans()) EXPECT_LE(plan.spans[0].token_count, 41);
}

TEST(EnginePolicy, AnAnswerMayStopExactlyAfterMinTokens) {
  for (int64_t least : {0, 1, 5}) {
    FakeExecutor executor({.max_rows = 64, .max_slots = 1});
    executor.change_logits = [](const std::vector<int32_t>&, std::span<float> logits) {
      logits[7] += 1000.0f;
    };
    const std::unique_ptr<Engine> engine = EngineOn(executor);
    Collector collector;
    Request request = Ask({1}, 20);
    request.ignore_eos = false;
    request.min_tokens = least;
    const RequestId id = collector.Submit(*engine, request);
    Drain(*engine);
    EXPECT_EQ(collector.of(id).tokens.size(), static_cast<size_t>(least) + 1);
    EXPECT_EQ(collector.of(id).finish_reason, FinishReason::kStop);
  }
}

TEST(EnginePolicy, EveryRowThatRanIsCountedOnce) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 8, .kv_pages = {9, 12}});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.prefix_cache = false});
  Collector collector;
  std::mt19937 random(9);
  for (int i = 0; i < 8; ++i) collector.Submit(*engine, Ask(RandomPrompt(random, 20), 140));
  Drain(*engine);
  int64_t rows = 0;
  for (const StepPlan& plan : executor.plans()) rows += static_cast<int64_t>(plan.token_ids.size());
  const EngineStatistics statistics = engine->statistics();
  EXPECT_GT(statistics.recomputed_tokens, 0);
  EXPECT_EQ(statistics.prompt_tokens, 8 * 20);
  // The last token of an answer never runs.
  EXPECT_EQ(rows, statistics.prompt_tokens + statistics.recomputed_tokens +
                      statistics.generated_tokens - 8);
}

// A cache that breaks at its n-th Commit.
class BreakingKv : public KvManager {
 public:
  BreakingKv(const FakeExecutor& executor, int commits)
      : kv_(executor.facts(), executor.capabilities()), commits_(commits) {}

  Result<Admission> Admit(std::span<const int32_t> tokens) override { return kv_.Admit(tokens); }
  Result<Admission> Fork(int slot, int length) override { return kv_.Fork(slot, length); }
  Status CheckFits(int length) const override { return kv_.CheckFits(length); }
  Status Reserve(int slot, int end) override { return kv_.Reserve(slot, end); }
  void FillPages(const Span& span, StepPlan& plan) const override { kv_.FillPages(span, plan); }
  Status Commit(int slot, std::span<const int32_t> tokens) override {
    if (--commits_ == 0) return Fail(ErrorCode::kInternal, "kv", "broken");
    return kv_.Commit(slot, tokens);
  }
  Status Truncate(int slot, int length) override { return kv_.Truncate(slot, length); }
  Status Release(int slot) override { return kv_.Release(slot); }
  KvStatistics statistics() const override { return kv_.statistics(); }
  Status CheckInvariants() const override { return kv_.CheckInvariants(); }

 private:
  PagedKv kv_;
  int commits_;
};

TEST(EnginePolicy, AFailureAfterLastEventsRepeatsNone) {
  for (int commits : {1, 2, 3}) {
    FakeExecutor executor({.max_rows = 64, .max_slots = 2});
    std::map<RequestId, int> last_events;
    Batch batch(executor, executor.facts(), executor.capabilities(),
                std::make_unique<BreakingKv>(executor, commits), {}, [&](const Event& event) {
                  last_events[event.request] += event.finish_reason ? 1 : 0;
                });
    for (RequestId id : {1, 2, 3}) {
      const auto request = std::make_shared<const Request>(Ask({1, 2}, 1));
      batch.Add(std::make_unique<Answer>(id, 0, request, executor.facts(), nullptr, 3));
    }
    Result<bool> stepped = batch.Step();
    while (stepped && *stepped) stepped = batch.Step();
    ASSERT_FALSE(stepped);
    batch.Fail(stepped.error());
    for (RequestId id : {1, 2, 3}) EXPECT_EQ(last_events[id], 1) << id << ", commit " << commits;
  }
}

// Submits a request in the middle of a step that fails.
class FailingExecutor : public FakeExecutor {
 public:
  using FakeExecutor::FakeExecutor;
  Result<StepResult> Step(const StepPlan&) override {
    in_step();
    return Fail(ErrorCode::kIo, "device", "gone");
  }
  std::function<void()> in_step;
};

TEST(EnginePolicy, WhatComesDuringAFailingStepEndsWithItsError) {
  FailingExecutor executor({.max_rows = 64, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  Request several = Ask({1, 2}, 5);
  several.n = 5;
  const RequestId before = collector.Submit(*engine, several);
  RequestId during = 0;
  executor.in_step = [&] { during = collector.Submit(*engine, several); };
  EXPECT_EQ(engine->Step().error().message, "[device] gone");
  for (RequestId id : {before, during}) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(collector.of(id, i).finish_reason, FinishReason::kError);
      EXPECT_EQ(collector.of(id, i).error, "[device] gone");
    }
  }
  EXPECT_EQ(engine->statistics().waiting, 0);
}

}  // namespace
}  // namespace fairlead::testing
