#include "runtime/run_plan.h"

#include <limits>

namespace fairlead {

Status CheckExecutor(const Executor& executor, const ModelFacts& facts) {
  const Capabilities& limits = executor.capabilities();
  if (limits.kv_pages.size() != facts.kv_groups.size()) {
    return Fail(ErrorCode::kInvalidArgument, "executor", "pages: expected {} KV groups, got {}",
                facts.kv_groups.size(), limits.kv_pages.size());
  }
  if (limits.max_rows < 1 || limits.max_slots < 1 || limits.max_position < 1 ||
      limits.max_position > std::numeric_limits<int>::max()) {
    return Fail(ErrorCode::kInvalidArgument, "executor",
                "limits: expected rows, slots and positions, got {}, {} and {}", limits.max_rows,
                limits.max_slots, limits.max_position);
  }
  return {};
}

Result<Tensor> RunPlan(Executor& executor, const ModelFacts& facts, const StepPlan& plan) {
  FAIRLEAD_ASSIGN_OR_RETURN(StepResult result, executor.Step(plan));
  const Shape expected{static_cast<int64_t>(plan.output_rows.size()), facts.vocabulary_size};
  if (result.logits.dtype != DType::kF32 || result.logits.shape != expected) {
    return Fail(ErrorCode::kInternal, "executor", "logits: expected F32 {}, got {} {}",
                ShapeString(expected), DTypeName(result.logits.dtype),
                ShapeString(result.logits.shape));
  }
  return std::move(result.logits);
}

}  // namespace fairlead
