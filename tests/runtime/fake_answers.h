// What FakeExecutor's model answers, computed without an engine.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "runtime/request.h"
#include "tests/runtime/collected.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead::testing {

using ChangeLogits = std::function<void(const std::vector<int32_t>&, std::span<float>)>;

// The answer to a request without penalties, stop strings or constraints.
inline Collected Expected(const Request& request, int64_t max_position = 1024,
                          const ChangeLogits& change_logits = nullptr) {
  Collected answer;
  std::vector<int32_t> tokens = request.prompt;
  const std::vector<int32_t> stop = request.stop_token_ids.value_or(
      request.ignore_eos ? std::vector<int32_t>{} : FakeFacts().eos_token_ids);
  while (!answer.finish_reason) {
    const auto position = static_cast<int64_t>(tokens.size());
    std::vector<float> logits = FakeLogits(tokens);
    if (change_logits) change_logits(tokens, logits);
    const int32_t token = Sample(logits, request.sampling, position).value();
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

inline std::vector<int32_t> RandomPrompt(std::mt19937& random, int length) {
  std::vector<int32_t> prompt;
  for (int i = 0; i < length; ++i) {
    prompt.push_back(static_cast<int32_t>(random() % kFakeVocabulary));
  }
  return prompt;
}

inline std::vector<Request> RandomFakeRequests(uint32_t seed, int count) {
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

inline SamplingParams Sampling(float temperature, int top_k = 0, uint64_t seed = 0) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = top_k;
  params.seed = seed;
  return params;
}

inline std::unique_ptr<Engine> EngineOn(FakeExecutor& executor, const EngineOptions& options = {}) {
  return Engine::Create(executor, executor.facts(), options).value();
}

// Runs all requests at once and compares each with the model itself.
inline void ExpectAllAsAlone(FakeExecutor& executor, const EngineOptions& options,
                             const std::vector<Request>& requests) {
  const std::unique_ptr<Engine> engine = EngineOn(executor, options);
  Collector collector;
  std::vector<RequestId> ids;
  for (const Request& request : requests) ids.push_back(collector.Submit(*engine, request));
  Drain(*engine);
  for (size_t i = 0; i < requests.size(); ++i) {
    const Collected expected = Expected(requests[i], executor.capabilities().max_position);
    EXPECT_EQ(collector.of(ids[i]).tokens, expected.tokens) << "request " << i;
    EXPECT_EQ(collector.of(ids[i]).finish_reason, expected.finish_reason) << "request " << i;
  }
}

}  // namespace fairlead::testing
