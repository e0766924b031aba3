// The engine: requests of token ids go in, tokens come out, any number of them side by side in one
// batch. It knows nothing about text. What a request yields depends on the request alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "config/model_facts.h"
#include "runtime/kv_manager.h"
#include "runtime/sampler.h"
#include "runtime/scheduler.h"

namespace fairlead {

using RequestId = uint64_t;

struct Request {
  std::vector<int32_t> prompt = {};
  SamplingParams sampling = {};
  int64_t max_tokens = 128;  // generated tokens at most, at least 1
  // Generation ends with the first of these, which is still reported; nullopt: the model's end of
  // text tokens, or none with ignore_eos.
  std::optional<std::vector<int32_t>> stop_token_ids = std::nullopt;
  bool ignore_eos = false;
  bool logprobs = false;
};

enum class FinishReason {
  kStop,    // a stop token
  kLength,  // max_tokens, or the context is full
  kError,   // see Event::error
};

// What happened to a request: one token, or its failure.
struct Event {
  RequestId request = 0;
  std::optional<int32_t> token;
  std::optional<float> logprob;               // natural logarithm; when asked for
  std::optional<FinishReason> finish_reason;  // set on the request's last event
  std::string error;
};

struct EngineOptions {
  int max_rows = 0;  // token budget of a step; 0: all that the executor takes
};

struct EngineStatistics {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;     // that ran through the model
  int64_t generated_tokens = 0;  // that were reported
  // Time of the steps; one that does both is divided by its rows.
  double prompt_seconds = 0;
  double generation_seconds = 0;
};

// Not thread-safe: one owner calls it.
class Engine {
 public:
  // `executor` must outlive the engine, which uses all of its slots and pages.
  static Result<std::unique_ptr<Engine>> Create(Executor& executor, ModelFacts facts,
                                                const EngineOptions& options);

  // Queues a request. It waits for a free slot and pages, first come, first served. Prompt and
  // answer together hold at most max_position tokens: an answer that gets there ends with kLength.
  // Refused with kInvalidArgument: an empty prompt, one that leaves no room for an answer, unknown
  // token ids, bad sampling parameters; with kResourceExhausted: more tokens than all pages hold.
  Result<RequestId> Submit(Request request);
  // Forgets a request; no event of it follows. False when it has ended or never was.
  bool Cancel(RequestId id);
  // Runs one step and reports the tokens it gave, in no particular order; nothing when idle. A
  // request whose logits are not finite ends with kError. When the step itself fails, this and
  // every later call returns its error.
  Result<std::vector<Event>> Step();
  // Nothing runs and nothing waits.
  bool idle() const { return waiting_.empty() && live_.empty(); }
  const EngineStatistics& statistics() const { return statistics_; }

 private:
  struct Sequence {
    RequestId id = 0;
    Request request;              // its prompt is moved into tokens
    std::vector<int32_t> tokens;  // prompt and answer
    int prompt_size = 0;
    int limit = 0;   // tokens at which it ends
    int cached = 0;  // tokens whose keys and values are in the cache
    int slot = -1;
    uint64_t last_step = 0;
  };

  Engine(Executor& executor, ModelFacts facts, Capabilities limits);
  Status AdmitWaiting();
  Result<std::vector<Event>> RunStep();
  // Samples the sequence's next token and says what came of it.
  Event Advance(Sequence& sequence, std::span<const float> logits);
  // Gives the slot and the pages of a live sequence back.
  Status Retire(RequestId id);
  void CountStep(const StepPlan& plan, int64_t prompt_rows, double seconds);

  Executor& executor_;
  ModelFacts facts_;
  Capabilities limits_;
  std::unique_ptr<KvManager> kv_;
  std::vector<int> free_slots_;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> live_;  // in order of admission
  RequestId next_id_ = 1;
  Status failure_;
  EngineStatistics statistics_;
};

}  // namespace fairlead
