#include "runtime/score.h"

#include <algorithm>

#include "runtime/paged_kv.h"

namespace fairlead {
namespace {

// Takes the tap away again on every way out.
class TapScope {
 public:
  TapScope(Executor& executor, ValueTap* tap) : executor_(executor) { executor_.SetTap(tap); }
  ~TapScope() { executor_.SetTap(nullptr); }
  TapScope(const TapScope&) = delete;
  TapScope& operator=(const TapScope&) = delete;

 private:
  Executor& executor_;
};

// The plan that runs `ids` from position `start` on with the logits of every row.
Result<StepPlan> PlanChunk(std::span<const int32_t> ids, int start, KvManager& kv) {
  StepPlan plan;
  const Span span{0, start, static_cast<int>(ids.size())};
  FAIRLEAD_RETURN_IF_ERROR(kv.Reserve(0, start + span.token_count));
  plan.spans.push_back(span);
  plan.token_ids.assign(ids.begin(), ids.end());
  for (int32_t row = 0; row < span.token_count; ++row) plan.output_rows.push_back(row);
  kv.FillPages(span, plan);
  return plan;
}

}  // namespace

Result<Tensor> ScoreTokens(Executor& executor, const ModelFacts& facts,
                           std::span<const int32_t> ids, ValueTap* tap) {
  const Capabilities& limits = executor.capabilities();
  const auto count = static_cast<int64_t>(ids.size());
  if (ids.empty() || count > limits.max_position) {
    return Fail(ErrorCode::kInvalidArgument, "score", "token ids: expected 1 to {}, got {}",
                limits.max_position, count);
  }
  PagedKv kv(facts, limits);
  FAIRLEAD_RETURN_IF_ERROR(kv.Admit(0, ids, static_cast<int>(count)));
  const TapScope tap_scope(executor, tap);
  Tensor logits{DType::kF32, {count, facts.vocabulary_size}, {}};
  logits.bytes.reserve(ids.size() * static_cast<size_t>(facts.vocabulary_size) * sizeof(float));
  for (int64_t start = 0; start < count; start += limits.max_rows) {
    const int64_t rows = std::min<int64_t>(limits.max_rows, count - start);
    FAIRLEAD_ASSIGN_OR_RETURN(const StepPlan plan, PlanChunk(ids.subspan(static_cast<size_t>(start),
                                                                         static_cast<size_t>(rows)),
                                                             static_cast<int>(start), kv));
    FAIRLEAD_ASSIGN_OR_RETURN(const StepResult result, executor.Step(plan));
    logits.bytes.insert(logits.bytes.end(), result.logits.bytes.begin(), result.logits.bytes.end());
    FAIRLEAD_RETURN_IF_ERROR(kv.Commit(0, static_cast<int>(start + rows)));
  }
  return logits;
}

}  // namespace fairlead
