// What a request yields depends on the request alone, and every request ends.
#include "runtime/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/runtime/fake_executor.h"

namespace fairlead {
namespace {

using testing::FakeExecutor;
using testing::FakeLogits;

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  std::optional<FinishReason> finish_reason;
  std::string error;
};

std::unique_ptr<Engine> EngineOn(FakeExecutor& executor, int max_rows = 0) {
  return Engine::Create(executor, executor.facts(), {.max_rows = max_rows}).value();
}

// Steps until idle and gathers what each request yields.
std::map<RequestId, Answer> Drain(Engine& engine, int most_steps = 5000) {
  std::map<RequestId, Answer> answers;
  for (int step = 0; !engine.idle(); ++step) {
    const Result<std::vector<Event>> events = engine.Step();
    if (!events || step >= most_steps) {
      ADD_FAILURE() << (events ? "does not come to an end" : events.error().message);
      return answers;
    }
    for (const Event& event : *events) {
      Answer& answer = answers[event.request];
      EXPECT_FALSE(answer.finish_reason) << "an event after the last one";
      if (event.token) answer.tokens.push_back(*event.token);
      if (event.logprob) answer.logprobs.push_back(*event.logprob);
      answer.finish_reason = event.finish_reason;
      answer.error = event.error;
    }
  }
  return answers;
}

// The answer computed straight from the fake model, without an engine.
Answer Expected(const Request& request, int64_t max_position) {
  Answer answer;
  std::vector<int32_t> tokens = request.prompt;
  const std::vector<int32_t> stop = request.stop_token_ids.value_or(
      request.ignore_eos ? std::vector<int32_t>{} : testing::FakeFacts().eos_token_ids);
  while (!answer.finish_reason) {
    const auto position = static_cast<int64_t>(tokens.size());
    const int32_t token = Sample(FakeLogits(tokens), request.sampling, position).value();
    tokens.push_back(token);
    answer.tokens.push_back(token);
    if (std::find(stop.begin(), stop.end(), token) != stop.end()) {
      answer.finish_reason = FinishReason::kStop;
    } else if (static_cast<int64_t>(answer.tokens.size()) == request.max_tokens ||
               static_cast<int64_t>(tokens.size()) == max_position) {
      answer.finish_reason = FinishReason::kLength;
    }
  }
  return answer;
}

std::vector<int32_t> RandomPrompt(std::mt19937& random, int length) {
  std::vector<int32_t> prompt;
  for (int i = 0; i < length; ++i) {
    prompt.push_back(static_cast<int32_t>(random() % testing::kFakeVocabulary));
  }
  return prompt;
}

std::vector<Request> RandomRequests(uint32_t seed, int count) {
  std::mt19937 random(seed);
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Request request;
    request.prompt = RandomPrompt(random, 1 + static_cast<int>(random() % 150));
    request.max_tokens = 1 + static_cast<int64_t>(random() % 60);
    request.sampling.temperature = static_cast<float>(random() % 3) * 0.7f;
    request.sampling.top_k = static_cast<int>(random() % 20);
    request.sampling.seed = random();
    request.ignore_eos = random() % 2 == 0;
    requests.push_back(std::move(request));
  }
  return requests;
}

// Runs all requests at once and compares each with the model itself.
void ExpectAllAsAlone(FakeExecutor& executor, int max_rows, const std::vector<Request>& requests) {
  const std::unique_ptr<Engine> engine = EngineOn(executor, max_rows);
  std::vector<RequestId> ids;
  for (const Request& request : requests) ids.push_back(engine->Submit(request).value());
  std::map<RequestId, Answer> answers = Drain(*engine);
  for (size_t i = 0; i < requests.size(); ++i) {
    const Answer expected = Expected(requests[i], executor.capabilities().max_position);
    EXPECT_EQ(answers[ids[i]].tokens, expected.tokens) << "request " << i;
    EXPECT_EQ(answers[ids[i]].finish_reason, expected.finish_reason) << "request " << i;
  }
}

TEST(Engine, ABatchOfUnequalPromptsGivesEachTheSameAsAlone) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 8});
  ExpectAllAsAlone(executor, 0, RandomRequests(1, 30));
}

TEST(Engine, TheTokenBudgetChangesNoAnswer) {
  const std::vector<Request> requests = RandomRequests(2, 6);
  for (int max_rows : {1, 2, 7, 31, 32, 33, 64}) {
    SCOPED_TRACE(max_rows);
    FakeExecutor executor({.max_rows = 64, .max_slots = 3});
    ExpectAllAsAlone(executor, max_rows, requests);
    for (const StepPlan& plan : executor.plans()) {
      EXPECT_LE(plan.token_ids.size(), static_cast<size_t>(max_rows));
    }
  }
}

TEST(Engine, RequestsWaitForPagesAndAllComeToAnEnd) {
  // Pages for about one and a half of the longest requests, slots for all.
  FakeExecutor executor({.max_rows = 16, .max_slots = 20, .kv_pages = {10, 6}});
  std::vector<Request> requests = RandomRequests(3, 20);
  ExpectAllAsAlone(executor, 0, requests);
  size_t widest = 0;
  for (const StepPlan& plan : executor.plans()) widest = std::max(widest, plan.spans.size());
  EXPECT_GT(widest, 1u);
  EXPECT_LT(widest, 20u);
}

TEST(Engine, PromptsOfARunningBatchShareStepsWithDecoding) {
  FakeExecutor executor({.max_rows = 16, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  std::mt19937 random(4);
  ASSERT_TRUE(engine->Submit(
      {.prompt = RandomPrompt(random, 4), .max_tokens = 20, .stop_token_ids = {{}}}));
  ASSERT_TRUE(engine->Step());
  ASSERT_TRUE(engine->Submit({.prompt = RandomPrompt(random, 40), .max_tokens = 1}));
  // The long prompt takes three steps, and the other answers in each of them.
  for (int step = 0; step < 3; ++step) {
    const std::vector<Event> events = engine->Step().value();
    EXPECT_GE(events.size(), 1u);
    EXPECT_EQ(events[0].request, 1u);
    EXPECT_EQ(executor.plans().back().spans.size(), 2u);
  }
}

TEST(Engine, StopTokensEndTheAnswerAndAreReported) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const Request endless{
      .prompt = {1, 2, 3}, .sampling = {.temperature = 0.0f}, .max_tokens = 30, .ignore_eos = true};
  const std::vector<int32_t> tokens = Expected(endless, 1024).tokens;
  ASSERT_EQ(tokens.size(), 30u);
  Request stopping = endless;
  stopping.stop_token_ids = {{tokens[12]}};  // listed tokens count even with ignore_eos
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const RequestId id = engine->Submit(stopping).value();
  const Answer answer = Drain(*engine)[id];
  const auto first = std::find(tokens.begin(), tokens.end(), tokens[12]);
  EXPECT_EQ(answer.tokens, std::vector<int32_t>(tokens.begin(), first + 1));
  EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
}

TEST(Engine, TheModelsOwnEndOfTextStopsUnlessIgnored) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  executor.change_logits = [](const std::vector<int32_t>& seen, std::span<float> logits) {
    if (seen.size() == 5) logits[7] = 1000.0f;
  };
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  Request request{.prompt = {1, 2, 3}, .max_tokens = 10, .ignore_eos = true};
  const RequestId ignoring = engine->Submit(request).value();
  request.ignore_eos = false;
  request.stop_token_ids = std::nullopt;
  const RequestId stopping = engine->Submit(request).value();
  std::map<RequestId, Answer> answers = Drain(*engine);
  EXPECT_EQ(answers[ignoring].tokens.size(), 10u);
  EXPECT_EQ(answers[ignoring].finish_reason, FinishReason::kLength);
  EXPECT_LE(answers[stopping].tokens.size(), 3u);
  EXPECT_EQ(answers[stopping].tokens.back(), 7);
  EXPECT_EQ(answers[stopping].finish_reason, FinishReason::kStop);
}

TEST(Engine, AnAnswerEndsWhereTheContextEnds) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1, .max_position = 50});
  const Request request{
      .prompt = std::vector<int32_t>(45, 3), .max_tokens = 1000, .ignore_eos = true};
  ExpectAllAsAlone(executor, 0, {request});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const RequestId id = engine->Submit(request).value();
  EXPECT_EQ(Drain(*engine)[id].tokens.size(), 5u);
}

TEST(Engine, CancelFreesAWaitingOrRunningRequestAndSilencesIt) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const Request request{.prompt = {1, 2, 3}, .max_tokens = 50, .ignore_eos = true};
  const RequestId running = engine->Submit(request).value();
  const RequestId waiting = engine->Submit(request).value();
  const RequestId last = engine->Submit(request).value();
  ASSERT_TRUE(engine->Step());
  EXPECT_TRUE(engine->Cancel(running));
  EXPECT_TRUE(engine->Cancel(waiting));
  EXPECT_FALSE(engine->Cancel(running));
  EXPECT_FALSE(engine->Cancel(12345));
  const std::map<RequestId, Answer> answers = Drain(*engine);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers.at(last).tokens, Expected(request, 1024).tokens);
  EXPECT_FALSE(engine->Cancel(last));
}

TEST(Engine, LogitsThatAreNotFiniteEndTheirRequestOnly) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 3});
  executor.change_logits = [](const std::vector<int32_t>& seen, std::span<float> logits) {
    if (seen.front() == 9 && seen.size() == 6) logits[4] = NAN;
  };
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const Request bad{.prompt = {9, 2, 3}, .max_tokens = 20, .ignore_eos = true};
  const Request good{.prompt = {1, 2, 3}, .max_tokens = 20, .ignore_eos = true};
  const RequestId bad_id = engine->Submit(bad).value();
  const RequestId good_id = engine->Submit(good).value();
  std::map<RequestId, Answer> answers = Drain(*engine);
  EXPECT_EQ(answers[bad_id].finish_reason, FinishReason::kError);
  EXPECT_EQ(answers[bad_id].tokens.size(), 3u);
  EXPECT_EQ(answers[bad_id].error, "[sampler] logit of token 4: expected a finite number, got nan");
  EXPECT_EQ(answers[good_id].tokens, Expected(good, 1024).tokens);
}

TEST(Engine, AFailedStepFailsEveryLaterOne) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  ASSERT_TRUE(engine->Submit({.prompt = {1}}));
  executor.failure = Fail(ErrorCode::kIo, "device", "gone");
  EXPECT_EQ(engine->Step().error().message, "[device] gone");
  executor.failure = {};
  EXPECT_EQ(engine->Step().error().message, "[device] gone");
}

TEST(Engine, LogprobsAreThoseOfTheModelsDistribution) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const Request request{.prompt = {1, 2, 3},
                        .sampling = {.temperature = 0.5f, .top_k = 5},
                        .max_tokens = 10,
                        .ignore_eos = true,
                        .logprobs = true};
  const RequestId id = engine->Submit(request).value();
  const Answer answer = Drain(*engine)[id];
  ASSERT_EQ(answer.logprobs.size(), 10u);
  std::vector<int32_t> tokens = request.prompt;
  for (size_t i = 0; i < answer.tokens.size(); ++i) {
    const std::vector<float> logits = FakeLogits(tokens);
    double total = 0;
    for (float logit : logits) total += std::exp(static_cast<double>(logit));
    const auto chosen = static_cast<size_t>(answer.tokens[i]);
    EXPECT_NEAR(answer.logprobs[i], logits[chosen] - std::log(total), 1e-5);
    tokens.push_back(answer.tokens[i]);
  }
}

TEST(Engine, RefusesRequestsThatCannotBe) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2, .max_position = 200, .kv_pages = {4, 4}});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  const auto message = [&engine](Request request) {
    const Result<RequestId> id = engine->Submit(std::move(request));
    return id ? "accepted" : id.error().message;
  };
  EXPECT_EQ(message({}), "[engine] prompt: expected at least 1 token, got 0");
  EXPECT_EQ(message({.prompt = {1, 50}}), "[engine] prompt: expected token ids 0 to 49, got 50");
  EXPECT_EQ(message({.prompt = {-1}}), "[engine] prompt: expected token ids 0 to 49, got -1");
  EXPECT_EQ(message({.prompt = {1}, .max_tokens = 0}),
            "[engine] max_tokens: expected at least 1, got 0");
  EXPECT_EQ(message({.prompt = std::vector<int32_t>(200, 1)}),
            "[engine] prompt: expected at most 199 tokens and one more for the answer, got 200");
  EXPECT_EQ(message({.prompt = {1}, .sampling = {.top_p = 0.0f}}),
            "[sampler] top_p: expected above 0 and at most 1, got 0");
  // The last token of an answer is never run: 129 tokens need 128 positions, 4 pages.
  EXPECT_EQ(message({.prompt = {1}, .max_tokens = 129}),
            "[kv] group full: expected at most 4 pages of 32 tokens, got 5 for a sequence of 129");
  EXPECT_TRUE(engine->idle());
  EXPECT_EQ(message({.prompt = {1}, .max_tokens = 128, .ignore_eos = true}), "accepted");
  EXPECT_EQ(Drain(*engine)[1].tokens.size(), 128u);
}

TEST(Engine, RefusesAnExecutorThatDoesNotFitTheModel) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 1});
  ModelFacts other = executor.facts();
  other.kv_groups.pop_back();
  EXPECT_FALSE(Engine::Create(executor, other, {}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.max_rows = 65}));
  EXPECT_FALSE(Engine::Create(executor, executor.facts(), {.max_rows = -1}));
}

TEST(Engine, StatisticsCountWhatRan) {
  FakeExecutor executor({.max_rows = 64, .max_slots = 2});
  const std::unique_ptr<Engine> engine = EngineOn(executor);
  ASSERT_TRUE(engine->Step().value().empty());
  EXPECT_EQ(engine->statistics().steps, 0);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(engine->Submit(
        {.prompt = std::vector<int32_t>(100, 3), .max_tokens = 10, .ignore_eos = true}));
  }
  Drain(*engine);
  const EngineStatistics& statistics = engine->statistics();
  EXPECT_EQ(statistics.prompt_tokens, 200);
  EXPECT_EQ(statistics.generated_tokens, 20);
  EXPECT_EQ(statistics.steps, static_cast<int64_t>(executor.plans().size()));
  EXPECT_GT(statistics.prompt_seconds, 0);
  EXPECT_GT(statistics.generation_seconds, 0);
}

}  // namespace
}  // namespace fairlead
