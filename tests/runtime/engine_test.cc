// What a request yields depends on the request alone, and every request ends.
#include "runtime/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/runtime/fake_answers.h"

namespace fairlead {
namespace {

using testing::Collected;
using testing::Collector;
using testing::Drain;
using testing::EngineOn;
using testing::ExpectAllAsAlone;
using testing::Expected;
using testing::FakeExecutor;
using testing::FakeLogits;
using testing::RandomFakeRequests;
using testing::RandomPrompt;
using testing::Sampling;

TEST(Engine, ABatchOfUnequalPromptsGivesEachTheSameAsAlone) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 8});
  ExpectAllAsAlone(executor, {}, RandomFakeRequests(1, 30));
}

TEST(Engine, TheTokenBudgetChangesNoAnswer) {
  const std::vector<Request> requests = RandomFakeRequests(2, 6);
  for (int max_rows : {1, 2, 7, 31, 32, 33, 64}) {
    SCOPED_TRACE(max_rows);
    FakeExecutor executor({.max_rows = 64, .max_slots = 3});
    ExpectAllAsAlone(executor, {.max_rows = max_rows}, requests);
    for (const StepPlan& plan : executor.plans()) {
      EXPECT_LE(plan.token_ids.size(), static_cast<size_t>(max_rows));
    }
  }
}

TEST(Engine, RequestsWaitForPagesAndAllComeToAnEnd) {
  // Pages for about one and a half of the longest requests, slots for all.
  FakeExecutor executor({.max_rows = 16, .max_slots = 20, .kv_pages = {10, 6}});
  std::vector<Request> requests = RandomFakeRequests(3, 20);
  ExpectAllAsAlone(executor, {}, requests);
  size_t widest = 0;
  for (const StepPlan& plan : executor.plans()) widest = std::max(widest, plan.spans.size());
  EXPECT_GT(widest, 1u);
  EXPECT_LT(widest, 20u);
}

TEST(Engine, PromptsOfARunningBatchShareStepsWithDecoding) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.mixed_prompt_rows = 15});
  Collector collector;
  std::mt19937 random(4);
  const RequestId stream = collector.Submit(
      *engine, {.prompt = RandomPrompt(random, 4), .max_tokens = 20, .stop_token_ids = {{}}});
  ASSERT_TRUE(engine->Step());
  collector.Submit(*engine, {.prompt = RandomPrompt(random, 40), .max_tokens = 1});
  // The long prompt takes three steps, and the other answers in each of them.
  for (size_t step = 0; step < 3; ++step) {
    ASSERT_TRUE(engine->Step());
    EXPECT_EQ(collector.of(stream).tokens.size(), step + 2);
    EXPECT_EQ(executor.plans().back().spans.size(), 2u);
    EXPECT_LE(executor.plans().back().token_ids.size(), 16u);
  }
}

TEST(Engine, StopTokensEndTheAnswerAndAreReported) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const Request endless{
      .prompt = {1, 2, 3}, .sampling = Sampling(0.0f), .max_tokens = 30, .ignore_eos = true};
  const std::vector<int32_t> tokens = Expected(endless).tokens;
  ASSERT_EQ(tokens.size(), 30u);
  Request stopping = endless;
  stopping.stop_token_ids = {{tokens[12]}};  // listed tokens count even with ignore_eos
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const RequestId id = collector.Submit(*engine, stopping);
  Drain(*engine);
  const auto first = std::find(tokens.begin(), tokens.end(), tokens[12]);
  EXPECT_EQ(collector.of(id).tokens, std::vector<int32_t>(tokens.begin(), first + 1));
  EXPECT_EQ(collector.of(id).finish_reason, FinishReason::kStop);
}

// A model that ends its text wherever it has seen five tokens.
void EndAfterFive(const std::vector<int32_t>& seen, std::span<float> logits) {
  if (seen.size() == 5) logits[7] = 1000.0f;
}

TEST(Engine, TheModelsOwnEndOfTextStopsUnlessIgnored) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  executor.change_logits = EndAfterFive;
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  Request request{.prompt = {1, 2, 3}, .max_tokens = 10, .ignore_eos = true};
  const RequestId ignoring = collector.Submit(*engine, request);
  request.ignore_eos = false;
  request.stop_token_ids = std::nullopt;
  const RequestId stopping = collector.Submit(*engine, request);
  Drain(*engine);
  EXPECT_EQ(collector.of(ignoring).tokens.size(), 10u);
  EXPECT_EQ(collector.of(ignoring).finish_reason, FinishReason::kLength);
  EXPECT_LE(collector.of(stopping).tokens.size(), 3u);
  EXPECT_EQ(collector.of(stopping).tokens.back(), 7);
  EXPECT_EQ(collector.of(stopping).finish_reason, FinishReason::kStop);
}

TEST(Engine, MinTokensKeepsAnAnswerFromStoppingOfItself) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  executor.change_logits = EndAfterFive;
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const Request request{.prompt = {1, 2, 3}, .max_tokens = 6, .min_tokens = 4};
  const RequestId id = collector.Submit(*engine, request);
  Drain(*engine);
  const std::vector<int32_t>& tokens = collector.of(id).tokens;
  ASSERT_GE(tokens.size(), 4u);
  EXPECT_EQ(std::count(tokens.begin(), tokens.begin() + 4, 7), 0);
}

TEST(Engine, AnAnswerEndsWhereTheContextEnds) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1, .max_position = 50});
  const Request request{
      .prompt = std::vector<int32_t>(45, 3), .max_tokens = 1000, .ignore_eos = true};
  ExpectAllAsAlone(executor, {}, {request});
  EXPECT_EQ(Expected(request, 50).tokens.size(), 5u);
}

TEST(Engine, CancelEndsAWaitingOrRunningRequestAndFreesItsPlace) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const Request request{.prompt = {1, 2, 3}, .max_tokens = 50, .ignore_eos = true};
  const RequestId running = collector.Submit(*engine, request);
  const RequestId waiting = collector.Submit(*engine, request);
  const RequestId last = collector.Submit(*engine, request);
  ASSERT_TRUE(engine->Step());
  EXPECT_TRUE(engine->Cancel(running));
  EXPECT_TRUE(engine->Cancel(waiting));
  EXPECT_FALSE(engine->Cancel(12345));
  Drain(*engine);
  EXPECT_EQ(collector.of(running).finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(collector.of(running).tokens.size(), 1u);
  EXPECT_EQ(collector.of(waiting).finish_reason, FinishReason::kCancelled);
  EXPECT_TRUE(collector.of(waiting).tokens.empty());
  EXPECT_EQ(collector.of(last).tokens, Expected(request).tokens);
  EXPECT_FALSE(engine->Cancel(running));
  EXPECT_FALSE(engine->Cancel(last));
  EXPECT_EQ(engine->statistics().cancelled, 2);
  EXPECT_EQ(engine->statistics().finished, 1);
}

TEST(Engine, LogitsThatAreNotFiniteEndTheirRequestOnly) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 3});
  executor.change_logits = [](const std::vector<int32_t>& seen, std::span<float> logits) {
    if (seen.front() == 9 && seen.size() == 6) logits[4] = NAN;
  };
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const Request bad{.prompt = {9, 2, 3}, .max_tokens = 20, .ignore_eos = true};
  const Request good{.prompt = {1, 2, 3}, .max_tokens = 20, .ignore_eos = true};
  const RequestId bad_id = collector.Submit(*engine, bad);
  const RequestId good_id = collector.Submit(*engine, good);
  Drain(*engine);
  EXPECT_EQ(collector.of(bad_id).finish_reason, FinishReason::kError);
  EXPECT_EQ(collector.of(bad_id).tokens.size(), 3u);
  EXPECT_EQ(collector.of(bad_id).error,
            "[sampler] logit of token 4: expected a finite number, got nan");
  EXPECT_EQ(collector.of(good_id).tokens, Expected(good).tokens);
  EXPECT_EQ(engine->statistics().failed, 1);
}

TEST(Engine, AFailedStepEndsEveryAnswerAndIsRemembered) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const RequestId running = collector.Submit(*engine, {.prompt = {1}});
  const RequestId waiting = collector.Submit(*engine, {.prompt = {1}});
  executor.failure = Fail(ErrorCode::kIo, "device", "gone");
  EXPECT_EQ(engine->Step().error().message, "[device] gone");
  executor.failure = {};
  EXPECT_EQ(engine->Step().error().message, "[device] gone");
  for (RequestId id : {running, waiting}) {
    EXPECT_EQ(collector.of(id).finish_reason, FinishReason::kError);
    EXPECT_EQ(collector.of(id).error, "[device] gone");
  }
  EXPECT_EQ(engine->Submit({.prompt = {1}}, collector.Sink()).error().message, "[device] gone");
  EXPECT_FALSE(engine->Cancel(running));
}

TEST(Engine, LogprobsAreThoseOfTheModelsDistribution) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const Request request{.prompt = {1, 2, 3},
                        .sampling = Sampling(0.5f, 5),
                        .max_tokens = 10,
                        .ignore_eos = true,
                        .logprobs = true,
                        .top_logprobs = 3};
  const RequestId id = collector.Submit(*engine, request);
  Drain(*engine);
  const Collected& answer = collector.of(id);
  ASSERT_EQ(answer.logprobs.size(), 10u);
  ASSERT_EQ(answer.top_logprobs.size(), 30u);
  std::vector<int32_t> tokens = request.prompt;
  for (size_t i = 0; i < answer.tokens.size(); ++i) {
    const std::vector<float> logits = FakeLogits(tokens);
    double total = 0;
    for (float logit : logits) total += std::exp(static_cast<double>(logit));
    const auto chosen = static_cast<size_t>(answer.tokens[i]);
    EXPECT_NEAR(answer.logprobs[i], logits[chosen] - std::log(total), 1e-5);
    const auto best = std::max_element(logits.begin(), logits.end());
    EXPECT_EQ(answer.top_logprobs[3 * i].token, best - logits.begin());
    EXPECT_NEAR(answer.top_logprobs[3 * i].logprob, *best - std::log(total), 1e-5);
    tokens.push_back(answer.tokens[i]);
  }
}

TEST(Engine, SeveralAnswersAreThoseOfRequestsWithTheSeedsThatFollow) {
  for (int slots : {1, 2, 8}) {
    FakeExecutor executor({.max_rows = 64, .max_slots = slots});
    const std::unique_ptr<Engine> engine = EngineOn(executor);
    Collector collector;
    Request request{.prompt = std::vector<int32_t>(100, 3),
                    .sampling = Sampling(1.0f, 0, 11),
                    .n = 4,
                    .max_tokens = 30};
    const RequestId id = collector.Submit(*engine, request);
    Drain(*engine);
    // The prompt runs once; every further answer shares its whole pages.
    EXPECT_EQ(engine->statistics().prompt_tokens, 100 + 3 * 4) << slots;
    for (int i = 0; i < 4; ++i) {
      const Collected expected = Expected(request);
      EXPECT_EQ(collector.of(id, i).tokens, expected.tokens) << "answer " << i;
      EXPECT_EQ(collector.of(id, i).finish_reason, expected.finish_reason);
      ++request.sampling.seed;
    }
  }
}

TEST(Engine, HigherPriorityGoesFirstAndTakesThePlaceOfLower) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  const auto request = [](int priority) {
    return Request{.prompt = {1, 2, 3}, .max_tokens = 20, .ignore_eos = true, .priority = priority};
  };
  const RequestId low = collector.Submit(*engine, request(0));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->Step());
  const RequestId equal = collector.Submit(*engine, request(0));
  const RequestId high = collector.Submit(*engine, request(5));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine->Step());
  EXPECT_EQ(collector.of(high).finish_reason, FinishReason::kLength);
  EXPECT_EQ(collector.of(low).tokens.size(), 3u);
  for (int i = 0; i < 17; ++i) ASSERT_TRUE(engine->Step());
  EXPECT_EQ(collector.of(low).finish_reason, FinishReason::kLength);
  EXPECT_TRUE(collector.of(equal).tokens.empty());
  Drain(*engine);
  EXPECT_EQ(engine->statistics().preemptions, 1);
  for (RequestId id : {low, equal, high}) {
    EXPECT_EQ(collector.of(id).tokens, Expected(request(0)).tokens);
  }
}

TEST(Engine, AnswersThatOutgrowThePagesTakeTurnsAndLoseNothing) {
  // Each answer needs 5 pages in the end and one at first: all are admitted, few can finish.
  FakeExecutor executor({.max_rows = 64, .max_slots = 8, .kv_pages = {9, 12}});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::vector<Request> requests;
  std::vector<RequestId> ids;
  std::mt19937 random(9);
  for (int i = 0; i < 8; ++i) {
    requests.push_back({.prompt = RandomPrompt(random, 20), .max_tokens = 140, .ignore_eos = true});
    requests.back().sampling.seed = random();
    ids.push_back(collector.Submit(*engine, requests.back()));
  }
  Drain(*engine);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(collector.of(ids[i]).tokens, Expected(requests[i]).tokens) << "request " << i;
  }
  EXPECT_GT(engine->statistics().preemptions, 0);
  EXPECT_GT(engine->statistics().recomputed_tokens, 0);
}

TEST(Engine, EightStreamsHaveATokenInEveryStepBesideALongPrompt) {
  FakeExecutor executor({.max_rows = 512, .max_slots = 9});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::mt19937 random(6);
  std::vector<RequestId> streams;
  for (int i = 0; i < 8; ++i) {
    streams.push_back(collector.Submit(
        *engine, {.prompt = RandomPrompt(random, 5), .max_tokens = 200, .ignore_eos = true}));
  }
  ASSERT_TRUE(engine->Step());
  const RequestId late =
      collector.Submit(*engine, {.prompt = RandomPrompt(random, 1000), .max_tokens = 1});
  size_t steps = 0;
  while (collector.of(late).tokens.empty()) {
    ASSERT_TRUE(engine->Step());
    ++steps;
    EXPECT_LE(executor.plans().back().token_ids.size(), size_t{8} + 64);
    for (RequestId id : streams) EXPECT_EQ(collector.of(id).tokens.size(), steps + 1);
  }
  EXPECT_EQ(steps, 16u);  // 1000 rows in chunks of 64
}

TEST(Engine, ALongPromptDoesNotHoldUpAShortOne) {
  FakeExecutor executor({.max_rows = 32, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  std::mt19937 random(5);
  collector.Submit(*engine, {.prompt = RandomPrompt(random, 900), .max_tokens = 1});
  ASSERT_TRUE(engine->Step());
  const RequestId brief =
      collector.Submit(*engine, {.prompt = RandomPrompt(random, 20), .max_tokens = 1});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(engine->Step());
  EXPECT_EQ(collector.of(brief).finish_reason, FinishReason::kLength);
}

TEST(Engine, TheQueueIsBounded) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.max_waiting = 3});
  Collector collector;
  const Request request{.prompt = {1}, .max_tokens = 3, .ignore_eos = true};
  for (int i = 0; i < 3; ++i) collector.Submit(*engine, request);
  const Result<RequestId> refused = engine->Submit(request, collector.Sink());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().message,
            "[engine] queue: expected at most 3 waiting answers, got 3 and 1 more");
  ASSERT_TRUE(engine->Step());  // one runs now
  EXPECT_TRUE(engine->Submit(request, collector.Sink()));
  EXPECT_FALSE(engine->Submit(request, collector.Sink()));
  EXPECT_EQ(engine->statistics().waiting, 3);
  EXPECT_EQ(engine->statistics().live, 1);
  Drain(*engine);
}

TEST(Engine, TheQueueIsBoundedWhileAStepRuns) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor, {.max_waiting = 3});
  Collector collector;
  const Request request{.prompt = {1}, .max_tokens = 1};
  int accepted = 0;
  const EventSink submits = [&](const Event&) {
    while (engine->Submit(request, collector.Sink())) ++accepted;
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->Submit(request, submits));
  ASSERT_TRUE(engine->Step());
  EXPECT_EQ(accepted, 0);  // three were waiting when the step began
  ASSERT_TRUE(engine->Step());
  EXPECT_EQ(accepted, 1);
  Drain(*engine);
}

TEST(Engine, RefusesRequestsThatCannotBe) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2, .max_position = 200, .kv_pages = {4, 4}});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  // A request for one token after token 1, changed.
  const auto message = [&](const std::function<void(Request&)>& change) {
    Request request;
    request.prompt = {1};
    change(request);
    const Result<RequestId> id = engine->Submit(std::move(request), collector.Sink());
    return id ? "accepted" : id.error().message;
  };
  EXPECT_EQ(message([](Request& r) { r.prompt.clear(); }),
            "[engine] prompt: expected at least 1 token, got 0");
  EXPECT_EQ(message([](Request& r) {
              r.prompt = {1, 50};
            }),
            "[engine] prompt: expected token ids 0 to 49, got 50");
  EXPECT_EQ(message([](Request& r) { r.prompt = {-1}; }),
            "[engine] prompt: expected token ids 0 to 49, got -1");
  EXPECT_EQ(message([](Request& r) { r.max_tokens = 0; }),
            "[engine] max_tokens: expected at least 1, got 0");
  EXPECT_EQ(message([](Request& r) { r.min_tokens = 129; }),
            "[engine] min_tokens: expected 0 to 128, got 129");
  EXPECT_EQ(message([](Request& r) { r.n = 0; }), "[engine] n: expected 1 to 1024, got 0");
  EXPECT_EQ(message([](Request& r) { r.stop_token_ids = {{50}}; }),
            "[engine] stop_token_ids: expected token ids 0 to 49, got 50");
  EXPECT_EQ(message([](Request& r) { r.stop_strings = {"x"}; }),
            "[engine] stop_strings: expected none without a tokenizer");
  EXPECT_EQ(message([](Request& r) { r.top_logprobs = 2; }),
            "[engine] top_logprobs: expected 0 to 0, got 2");
  EXPECT_EQ(message([](Request& r) { r.draft_tokens = 2; }),
            "[engine] draft_tokens: expected 0 to 0, got 2");
  EXPECT_EQ(message([](Request& r) { r.prompt.resize(200, 1); }),
            "[engine] prompt: expected at most 199 tokens and one more for the answer, got 200");
  EXPECT_EQ(message([](Request& r) { r.sampling.top_p = 0; }),
            "[sampler] top_p: expected above 0 and at most 1, got 0");
  // The last token of an answer is never run: 129 tokens need 128 positions, 4 pages.
  EXPECT_EQ(message([](Request& r) { r.max_tokens = 129; }),
            "[kv] group full: expected at most 4 pages of 32 tokens, got 5 for a sequence of 129");
  EXPECT_FALSE(engine->Step().value());
  EXPECT_EQ(message([](Request& r) { r.ignore_eos = true; }), "accepted");
  Drain(*engine);
  EXPECT_EQ(collector.of(1).tokens.size(), 128u);
}

TEST(Engine, RefusesAnExecutorThatDoesNotFitTheModel) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  ModelFacts other = executor.facts();
  other.kv_groups.pop_back();
  EXPECT_FALSE(Engine::Create(executor, other, {}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.max_rows = 65}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.max_rows = -1}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.mixed_prompt_rows = 0}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.max_waiting = 0}));
}

TEST(Engine, StatisticsCountWhatRan) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Collector collector;
  ASSERT_FALSE(engine->Step().value());
  EXPECT_EQ(engine->statistics().steps, 0);
  for (int i = 0; i < 2; ++i) {
    collector.Submit(
        *engine,
        {.prompt = std::vector<int32_t>(100, 3 + i), .max_tokens = 10, .ignore_eos = true});
  }
  Drain(*engine);
  const EngineStatistics statistics = engine->statistics();
  EXPECT_EQ(statistics.prompt_tokens, 200);
  EXPECT_EQ(statistics.generated_tokens, 20);
  EXPECT_EQ(statistics.steps, static_cast<int64_t>(executor.plans().size()));
  EXPECT_EQ(statistics.finished, 2);
  EXPECT_EQ(statistics.live, 0);
  EXPECT_GT(statistics.prompt_seconds, 0);
  EXPECT_GT(statistics.generation_seconds, 0);
  EXPECT_LT(statistics.executor_seconds, statistics.prompt_seconds + statistics.generation_seconds);
}

}  // namespace
}  // namespace fairlead
