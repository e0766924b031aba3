#include "runtime/score.h"

#include <algorithm>
#include <exception>

#include "runtime/kv/make_kv_manager.h"
#include "runtime/run_plan.h"

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

// The plan that runs `span` of `ids` with the logits of every row.
Result<StepPlan> PlanChunk(std::span<const int32_t> ids, const Span& span, KvManager& kv) {
  FAIRLEAD_RETURN_IF_ERROR(kv.Reserve(span.slot, span.start_position + span.token_count));
  const auto chunk =
      ids.subspan(static_cast<size_t>(span.start_position), static_cast<size_t>(span.token_count));
  StepPlan plan;
  plan.spans.push_back(span);
  plan.token_ids.assign(chunk.begin(), chunk.end());
  for (int32_t row = 0; row < span.token_count; ++row) plan.output_rows.push_back(row);
  kv.FillPages(span, plan);
  return plan;
}

}  // namespace

Status ScoreTokens(Executor& executor, const ModelFacts& facts, std::span<const int32_t> ids,
                   const LogitsSink& sink, ValueTap* tap) {
  FAIRLEAD_RETURN_IF_ERROR(CheckExecutor(executor, facts));
  const Capabilities& limits = executor.capabilities();
  if (ids.empty() || static_cast<int64_t>(ids.size()) > limits.max_position) {
    return Fail(ErrorCode::kInvalidArgument, "score", "token ids: expected 1 to {}, got {}",
                limits.max_position, ids.size());
  }
  const auto count = static_cast<int>(ids.size());
  const std::unique_ptr<KvManager> kv = MakeKvManager(facts, limits, false);
  FAIRLEAD_ASSIGN_OR_RETURN(const Admission admission, kv->Admit(ids));
  const TapScope tap_scope(executor, tap);
  const int most_rows = MostSpanRows(limits);
  for (int start = 0; start < count; start += most_rows) {
    const int rows = std::min(most_rows, count - start);
    const Span span{admission.slot, start, rows};
    FAIRLEAD_ASSIGN_OR_RETURN(const StepPlan plan, PlanChunk(ids, span, *kv));
    FAIRLEAD_ASSIGN_OR_RETURN(const Tensor logits, RunPlan(executor, facts, plan));
    FAIRLEAD_RETURN_IF_ERROR(
        kv->Commit(admission.slot, ids.first(static_cast<size_t>(start + rows))));
    FAIRLEAD_RETURN_IF_ERROR(sink(start, logits));
  }
  return {};
}

Result<Tensor> ScoreTokens(Executor& executor, const ModelFacts& facts,
                           std::span<const int32_t> ids, ValueTap* tap) {
  Tensor all{DType::kF32, {static_cast<int64_t>(ids.size()), facts.vocabulary_size}, {}};
  // Untrusted lengths and vocabularies meet here: their product may be more than there is.
  const size_t bytes = ids.size() * static_cast<size_t>(facts.vocabulary_size) * sizeof(float);
  try {
    all.bytes.reserve(bytes);
  } catch (const std::exception&) {
    return Fail(ErrorCode::kResourceExhausted, "score",
                "logits {}: expected {} bytes of memory, got none", ShapeString(all.shape), bytes);
  }
  const auto append = [&all](int64_t, const Tensor& logits) -> Status {
    all.bytes.insert(all.bytes.end(), logits.bytes.begin(), logits.bytes.end());
    return {};
  };
  FAIRLEAD_RETURN_IF_ERROR(ScoreTokens(executor, facts, ids, append, tap));
  return all;
}

}  // namespace fairlead
