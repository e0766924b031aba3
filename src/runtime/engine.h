// The engine: requests of token ids go in, tokens come out, any number of them side by side in one
// batch. It knows nothing about conversations. What a request yields depends on the request alone.
// docs/engine.md has the life of a request, the scheduling policy and what is guaranteed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "config/model_facts.h"
#include "runtime/batch.h"
#include "runtime/drafter.h"
#include "runtime/engine_statistics.h"
#include "runtime/request.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

struct EngineOptions {
  // Token budget of a step, 0: all that the executor takes; fixed shapes have their own.
  int max_rows = 0;
  // Rows of prompts in a step that also continues answers: what a long prompt may add to the time
  // between two tokens.
  int mixed_prompt_rows = 64;
  int max_waiting = 1024;                  // answers that may wait; Submit refuses more
  bool prefix_cache = true;                // reuse keys and values of texts that begin alike
  Tokenizer::Pointer tokenizer = nullptr;  // for Event::text and stop strings
  std::shared_ptr<const Drafter> drafter = nullptr;  // for Request::draft_tokens
};

// Submit, Cancel and statistics may be called by any thread at any time, and by sinks; everything
// else by one thread at a time. What is open when an engine is destroyed gets no further event.
class Engine {
 public:
  // `executor` must outlive the engine, which uses all of its slots and pages.
  static Result<std::unique_ptr<Engine>> Create(Executor& executor, ModelFacts facts,
                                                const EngineOptions& options);

  // Queues a request; its events go to `sink`. Prompt and answer together hold at most max_position
  // tokens: an answer that gets there ends with kLength.
  // kInvalidArgument: an empty prompt, one that leaves no room for an answer, unknown token ids,
  // bad parameters. kResourceExhausted: more tokens than all pages hold, or max_waiting answers
  // wait. After a step has failed: its error.
  Result<RequestId> Submit(Request request, EventSink sink);
  // Whether the pages hold a prompt of so many tokens and its answer, if they had them to
  // themselves: what Submit wants besides. kResourceExhausted.
  Status CheckRoom(int64_t prompt, int64_t max_tokens) const;
  // All answers of the request end with kCancelled at the next step, unless they end before. False
  // when it has ended or never was.
  bool Cancel(RequestId id);

  // Runs one step; false when there was nothing to do. An answer whose logits are not finite ends
  // with kError. When the step itself fails, every answer ends with its error, and this and every
  // later call returns it.
  Result<bool> Step();
  // Steps until `stop` is requested, asleep while there is nothing to do; the error of a step.
  Status Run(const std::stop_token& stop);

  // As of the end of the last step, but for `waiting`.
  EngineStatistics statistics() const;
  // kInternal unless all slots and pages are accounted for.
  Status CheckInvariants() const { return batch_.kv().CheckInvariants(); }

 private:
  // A request some of whose answers have yet to end.
  struct Open {
    std::shared_ptr<const EventSink> sink;
    int answers = 0;
  };

  Engine(Executor& executor, ModelFacts facts, Capabilities limits, const EngineOptions& options);
  Status CheckRequest(const Request& request) const;
  // Tokens of a prompt and its answer, at most.
  int LongestSequence(int64_t prompt, int64_t max_tokens) const;
  // Whether so many answers more may wait now. Under the mutex.
  Status CheckQueue(int answers) const;
  // Hands what came in since the last step to the batch.
  Status TakeInbox();
  void Report(const Event& event);

  const ModelFacts facts_;
  const Capabilities limits_;
  const EngineOptions options_;
  Batch batch_;
  std::atomic<RequestId> next_id_ = 1;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable_any wake_;
  std::vector<std::unique_ptr<Answer>> submitted_;
  std::vector<RequestId> cancelled_;
  std::unordered_map<RequestId, Open> open_;
  Status failure_;
  EngineStatistics statistics_;
};

}  // namespace fairlead
