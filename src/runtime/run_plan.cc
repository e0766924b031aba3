#include "runtime/run_plan.h"

#include <algorithm>
#include <limits>

namespace fairlead {

namespace {

template <typename... Args>
tl::unexpected<Error> Misfit(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "executor", format, std::forward<Args>(args)...);
}

// A step writes all of its rows before they look back: a ring must hold both.
Status CheckRing(const KvGroup& group, const Capabilities& limits, int positions) {
  int64_t needed = limits.max_position;
  if (group.window > 0) {
    needed = std::min(needed, int64_t{group.window} + MostSpanRows(limits) - 1);
  }
  if (positions >= needed) return {};
  return Misfit("positions of a slot in group {}: expected at least {}, got {}", group.name, needed,
                positions);
}

Status CheckCache(const Capabilities& limits, const ModelFacts& facts) {
  const size_t groups = facts.kv_groups.size();
  if (limits.slot_positions.empty()) {
    if (limits.kv_pages.size() != groups) {
      return Misfit("pages: expected {} KV groups, got {}", groups, limits.kv_pages.size());
    }
    for (size_t g = 0; g < groups; ++g) {
      if (limits.kv_pages[g] < 1) {
        return Misfit("pages of group {}: expected at least 1, got {}", facts.kv_groups[g].name,
                      limits.kv_pages[g]);
      }
    }
    return {};
  }
  if (!limits.kv_pages.empty()) {
    return Misfit("cache: expected pages or slots, got {} and {} KV groups", limits.kv_pages.size(),
                  limits.slot_positions.size());
  }
  if (limits.slot_positions.size() != groups) {
    return Misfit("slots: expected {} KV groups, got {}", groups, limits.slot_positions.size());
  }
  for (size_t g = 0; g < groups; ++g) {
    FAIRLEAD_RETURN_IF_ERROR(CheckRing(facts.kv_groups[g], limits, limits.slot_positions[g]));
  }
  return {};
}

}  // namespace

Status CheckExecutor(const Executor& executor, const ModelFacts& facts) {
  const Capabilities& limits = executor.capabilities();
  if (limits.max_rows < 1 || limits.max_slots < 1 || limits.max_position < 1 ||
      limits.max_position > std::numeric_limits<int>::max()) {
    return Misfit("limits: expected rows, slots and positions, got {}, {} and {}", limits.max_rows,
                  limits.max_slots, limits.max_position);
  }
  for (const StepShape& shape : limits.shapes) {
    if (shape.spans < 1 || shape.tokens < 1) {
      return Misfit("shape: expected spans and tokens, got {} x {}", shape.spans, shape.tokens);
    }
  }
  return CheckCache(limits, facts);
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
