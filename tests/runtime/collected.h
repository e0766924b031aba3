// What requests yield, gathered from an engine's events.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine.h"

namespace fairlead::testing {

// One answer, put together from its events.
struct Collected {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  std::vector<TokenLogprob> top_logprobs;  // of all tokens, one after another
  std::string text;
  std::optional<FinishReason> finish_reason;
  std::optional<std::string> stop_string;
  std::string error;
};

inline void AddEvent(const Event& event, Collected& answer) {
  if (event.token) answer.tokens.push_back(*event.token);
  if (event.logprob) answer.logprobs.push_back(*event.logprob);
  answer.top_logprobs.insert(answer.top_logprobs.end(), event.top_logprobs.begin(),
                             event.top_logprobs.end());
  answer.text += event.text;
  answer.finish_reason = event.finish_reason;
  if (event.stop_string) answer.stop_string = event.stop_string;
  answer.error = event.error;
}

// Gathers answers by request and index. Must outlive the engine's use of its sinks.
class Collector {
 public:
  EventSink Sink() {
    return [this](const Event& event) { Take(event); };
  }

  void Take(const Event& event) {
    Collected& answer = answers_[{event.request, event.index}];
    EXPECT_FALSE(answer.finish_reason) << "an event after the last one";
    AddEvent(event, answer);
    ++events_;
  }

  // An answer without events is empty.
  const Collected& of(RequestId request, int index = 0) { return answers_[{request, index}]; }
  int64_t events() const { return events_; }

  RequestId Submit(Engine& engine, const Request& request) {
    const Result<RequestId> id = engine.Submit(request, Sink());
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }

 private:
  std::map<std::pair<RequestId, int>, Collected> answers_;
  int64_t events_ = 0;
};

// Steps until there is nothing to do.
inline void Drain(Engine& engine, int most_steps = 20000) {
  for (int step = 0; step < most_steps; ++step) {
    const Result<bool> stepped = engine.Step();
    ASSERT_TRUE(stepped) << stepped.error().message;
    if (!*stepped) {
      const Status sound = engine.CheckInvariants();
      EXPECT_TRUE(sound) << sound.error().message;
      return;
    }
  }
  FAIL() << "does not come to an end";
}

}  // namespace fairlead::testing
