#include "backends/step_plan.h"

#include <algorithm>
#include <string>

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "step", format, std::forward<Args>(args)...);
}

// "1 x 512, 8 x 1"
std::string ShapeNames(const std::vector<StepShape>& shapes) {
  std::string names;
  for (const StepShape& shape : shapes) {
    if (!names.empty()) names += ", ";
    names += fmt::format("{} x {}", shape.spans, shape.tokens);
  }
  return names;
}

Status ValidateSpans(const StepPlan& plan, const Capabilities& limits) {
  int64_t rows = 0;
  for (const Span& span : plan.spans) {
    if (span.slot < 0 || span.slot >= limits.max_slots) {
      return Invalid("slot: expected 0 to {}, got {}", limits.max_slots - 1, span.slot);
    }
    if (span.token_count < 1 || span.start_position < 0 ||
        int64_t{span.start_position} + span.token_count > limits.max_position) {
      return Invalid("span: expected positions below {}, got {} tokens from {}",
                     limits.max_position, span.token_count, span.start_position);
    }
    rows += span.token_count;
  }
  if (rows < 1 || rows > limits.max_rows) {
    return Invalid("rows: expected 1 to {}, got {}", limits.max_rows, rows);
  }
  if (static_cast<int64_t>(plan.token_ids.size()) != rows) {
    return Invalid("token_ids: expected {}, got {}", rows, plan.token_ids.size());
  }
  return {};
}

// A step writes before it reads: two spans of one sequence would see each other's rows.
Status ValidateSlots(const StepPlan& plan) {
  std::vector<int> slots;
  slots.reserve(plan.spans.size());
  for (const Span& span : plan.spans) slots.push_back(span.slot);
  std::sort(slots.begin(), slots.end());
  const auto twice = std::adjacent_find(slots.begin(), slots.end());
  if (twice == slots.end()) return {};
  return Invalid("slot {}: expected one span, got two", *twice);
}

Status ValidateShape(const StepPlan& plan, const Capabilities& limits) {
  if (limits.shapes.empty()) return {};
  const auto spans = static_cast<int64_t>(plan.spans.size());
  int tokens = 0;
  for (const Span& span : plan.spans) tokens = std::max(tokens, span.token_count);
  const bool fits = std::any_of(
      limits.shapes.begin(), limits.shapes.end(),
      [&](const StepShape& shape) { return spans <= shape.spans && tokens <= shape.tokens; });
  if (fits) return {};
  return Invalid("shape: expected one of {}, got {} spans of up to {} tokens",
                 ShapeNames(limits.shapes), spans, tokens);
}

Status ValidateRows(const StepPlan& plan, const ModelFacts& facts) {
  for (int32_t id : plan.token_ids) {
    if (id < 0 || id >= facts.vocabulary_size) {
      return Invalid("token id: expected 0 to {}, got {}", facts.vocabulary_size - 1, id);
    }
  }
  int32_t previous = -1;
  for (int32_t row : plan.output_rows) {
    if (row <= previous || row >= static_cast<int32_t>(plan.token_ids.size())) {
      return Invalid("output_rows: expected ascending rows below {}, got {}", plan.token_ids.size(),
                     row);
    }
    previous = row;
  }
  return {};
}

Status ValidatePages(const StepPlan& plan, const KvGroup& group, const PageTable& table,
                     int pages) {
  const size_t spans = plan.spans.size();
  if (table.first_page.size() != spans || table.offsets.size() != spans + 1 ||
      table.offsets[0] != 0 || table.offsets[spans] != static_cast<int32_t>(table.pages.size())) {
    return Invalid("pages of group {}: expected a table of {} spans", group.name, spans);
  }
  for (size_t s = 0; s < spans; ++s) {
    const Span& span = plan.spans[s];
    const int64_t count = int64_t{table.offsets[s + 1]} - table.offsets[s];
    const int first_needed = FirstVisible(group, span.start_position);
    const int64_t end = int64_t{span.start_position} + span.token_count;
    if (count < 0 || table.offsets[s + 1] > static_cast<int64_t>(table.pages.size()) ||
        table.first_page[s] < 0 || int64_t{table.first_page[s]} * kPageTokens > first_needed ||
        (int64_t{table.first_page[s]} + count) * kPageTokens < end) {
      return Invalid("pages of group {}: expected positions {} to {} to be covered", group.name,
                     first_needed, end - 1);
    }
  }
  for (int32_t page : table.pages) {
    if (page < 0 || page >= pages) {
      return Invalid("page of group {}: expected 0 to {}, got {}", group.name, pages - 1, page);
    }
  }
  return {};
}

}  // namespace

int MostSpanRows(const Capabilities& limits) {
  if (limits.shapes.empty()) return limits.max_rows;
  int most = 0;
  for (const StepShape& shape : limits.shapes) most = std::max(most, shape.tokens);
  return std::min(most, limits.max_rows);
}

Status ValidatePlan(const StepPlan& plan, const ModelFacts& facts, const Capabilities& limits) {
  FAIRLEAD_RETURN_IF_ERROR(ValidateSpans(plan, limits));
  FAIRLEAD_RETURN_IF_ERROR(ValidateSlots(plan));
  FAIRLEAD_RETURN_IF_ERROR(ValidateShape(plan, limits));
  FAIRLEAD_RETURN_IF_ERROR(ValidateRows(plan, facts));
  if (limits.kv_pages.empty()) {
    if (plan.pages.empty()) return {};
    return Invalid("pages: expected none for slots, got {} groups", plan.pages.size());
  }
  if (plan.pages.size() != facts.kv_groups.size()) {
    return Invalid("pages: expected {} groups, got {}", facts.kv_groups.size(), plan.pages.size());
  }
  for (size_t g = 0; g < plan.pages.size(); ++g) {
    FAIRLEAD_RETURN_IF_ERROR(
        ValidatePages(plan, facts.kv_groups[g], plan.pages[g], limits.kv_pages[g]));
  }
  return {};
}

}  // namespace fairlead
