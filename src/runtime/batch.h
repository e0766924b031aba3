// Continuous batching: the answers that run and those that wait, their place in the KV cache, and
// one step at a time for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "backends/backend.h"
#include "base/error.h"
#include "config/model_facts.h"
#include "runtime/answer.h"
#include "runtime/engine_statistics.h"
#include "runtime/kv/kv_manager.h"
#include "runtime/scheduler.h"

namespace fairlead {

// Told about every event of every answer, in the thread that steps.
using EventReport = std::function<void(const Event&)>;

// Not thread-safe.
class Batch {
 public:
  struct Options {
    int mixed_prompt_rows = 64;
    std::shared_ptr<const Drafter> drafter = nullptr;
  };

  // `executor` must outlive the batch. `kv` is for its cache, within `limits`.
  Batch(Executor& executor, ModelFacts facts, Capabilities limits, std::unique_ptr<KvManager> kv,
        Options options, EventReport report);

  // The answer waits for its turn.
  void Add(std::unique_ptr<Answer> answer);
  // Ends all answers of a request with kCancelled.
  Status Cancel(RequestId id);
  // Ends all answers with kError; their slots and pages are not given back.
  void Fail(const Error& error);
  // Admits, runs one step and reports what came of it; false when there is nothing to do. Not to be
  // called again after an error.
  Result<bool> Step();

  EngineStatistics statistics() const;
  const KvManager& kv() const { return *kv_; }

 private:
  // An answer with its place in the cache.
  struct Member {
    std::unique_ptr<Answer> answer;
    std::vector<int32_t> draft;  // behind the answer's tokens, for this step
    int slot = -1;
    int cached = 0;    // tokens whose keys and values are in the cache
    int computed = 0;  // tokens that have run at some time
    int64_t last_step = 0;
    bool ended = false;  // its last event is reported

    int remaining() const { return static_cast<int>(answer->tokens().size()) - cached; }
  };
  // Smaller ranks go first: higher priority, then first come, first served.
  using Rank = std::tuple<int64_t, RequestId, int>;
  static Rank RankOf(const Answer& answer);

  // Admits who has room, in order of rank; the first who has none lets nobody pass.
  Status AdmitWaiting();
  Result<Admission> Place(const Member& member);
  // A live answer to the same request, or nullptr; one that has computed its prompt, if there is.
  const Member* Sibling(const Member& member) const;
  // A sibling is about to compute the prompt that the member can share afterwards.
  bool AwaitsPrompt(const Member& member) const;
  // The live member whose rank is last.
  size_t LastRanked() const;
  // Puts a live member back among the waiting ones; its tokens will run again.
  Status Preempt(size_t index);
  // Gives slots and pages of live members back; ascending indices.
  Status Release(const std::vector<size_t>& ended);

  void Draft();
  std::vector<RowShare> Share() const;
  // Makes room for the shares; false when something was given up for it and all is to be shared
  // anew.
  Result<bool> ReserveAll(std::span<const RowShare> shares);
  StepPlan BuildPlan(std::span<const RowShare> shares) const;
  // Does what follows from a step's logits, and returns how many rows were of prompts.
  Result<int64_t> Take(std::span<const RowShare> shares, std::span<float> logits);
  int64_t CountRows(Member& member, int count);
  // Samples, as far as drafted tokens were right, and commits; false when the answer ended.
  Result<bool> Advance(Member& member, const RowShare& share, std::span<float> logits);
  void Report(const Event& event);

  Executor& executor_;
  ModelFacts facts_;
  Capabilities limits_;
  std::unique_ptr<KvManager> kv_;
  Options options_;
  EventReport report_;
  std::map<Rank, Member> waiting_;
  std::vector<Member> live_;  // in order of admission
  bool prompts_next_ = true;
  EngineStatistics statistics_;
};

}  // namespace fairlead
