// The same engine on an executor of fixed shapes, where every sequence has a slot of its own.
#include <gtest/gtest.h>

#include "runtime/ngram_drafter.h"
#include "tests/runtime/fake_answers.h"

namespace fairlead::testing {
namespace {

// A chunk of one prompt, or up to four sequences with one or four tokens each.
const FakeLimits kRectangles{.max_rows = 16,
                             .max_slots = 4,
                             .slot_positions = {1024, 64},
                             .shapes = {{1, 16}, {4, 1}, {4, 4}}};

TEST(EngineOnSlots, EveryRequestYieldsTheSameAsAlone) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    FakeExecutor executor(kRectangles);
    ExpectAllAsAlone(executor, {}, RandomFakeRequests(seed, 30));
  }
}

TEST(EngineOnSlots, DraftsChangeNothing) {
  FakeExecutor executor(kRectangles);
  std::vector<Request> requests = RandomFakeRequests(7, 30);
  for (Request& request : requests) request.draft_tokens = 6;
  ExpectAllAsAlone(executor, {.drafter = std::make_shared<NgramDrafter>()}, requests);
  const bool drafted =
      std::any_of(executor.plans().begin(), executor.plans().end(), [](const StepPlan& plan) {
        return plan.spans.size() > 1 && plan.token_ids.size() > plan.spans.size();
      });
  EXPECT_TRUE(drafted);
}

TEST(EngineOnSlots, ALongPromptTakesTurnsWithDecoding) {
  FakeExecutor executor(kRectangles);
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::mt19937 random(1);
  const Request stream{.prompt = {1, 2}, .max_tokens = 100, .ignore_eos = true};
  const RequestId first = collector.Submit(*engine, stream);
  const RequestId second = collector.Submit(*engine, stream);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->Step());
  collector.Submit(*engine, {.prompt = RandomPrompt(random, 900), .max_tokens = 1});
  for (int i = 0; i < 50; ++i) {
    const size_t before = collector.of(first).tokens.size();
    const size_t before_second = collector.of(second).tokens.size();
    ASSERT_TRUE(engine->Step());
    ASSERT_TRUE(engine->Step());
    EXPECT_EQ(collector.of(first).tokens.size(), before + 1) << "after " << i << " pairs of steps";
    EXPECT_EQ(collector.of(second).tokens.size(), before_second + 1);
  }
}

TEST(EngineOnSlots, TheNextTurnGoesOnInItsSlot) {
  FakeExecutor executor(kRectangles);
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::mt19937 random(2);
  Request turn{.prompt = RandomPrompt(random, 100), .max_tokens = 20, .ignore_eos = true};
  for (int i = 0; i < 4; ++i) {
    const int64_t before = engine->statistics().prompt_tokens;
    const RequestId id = collector.Submit(*engine, turn);
    Drain(*engine);
    EXPECT_EQ(collector.of(id).tokens, Expected(turn).tokens);
    const int64_t computed = engine->statistics().prompt_tokens - before;
    EXPECT_EQ(computed, i == 0 ? 100 : 11);  // the last token of an answer has never run
    const std::vector<int32_t> question = RandomPrompt(random, 10);
    const std::vector<int32_t>& answer = collector.of(id).tokens;
    turn.prompt.insert(turn.prompt.end(), answer.begin(), answer.end());
    turn.prompt.insert(turn.prompt.end(), question.begin(), question.end());
  }
}

}  // namespace
}  // namespace fairlead::testing
