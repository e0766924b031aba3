#include "runtime/scheduler.h"

#include <algorithm>

namespace fairlead {
namespace {

int Remaining(const PendingTokens& sequence) {
  return static_cast<int>(sequence.tokens.size()) - sequence.cached;
}

}  // namespace

std::vector<RowShare> ShareRows(std::span<const PendingTokens> pending, int max_rows) {
  std::vector<size_t> order;
  for (size_t i = 0; i < pending.size(); ++i) {
    if (Remaining(pending[i]) == 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return pending[a].last_step < pending[b].last_step; });
  for (size_t i = 0; i < pending.size(); ++i) {
    if (Remaining(pending[i]) > 1) order.push_back(i);
  }
  std::vector<RowShare> shares;
  int rows_left = max_rows;
  for (size_t i : order) {
    if (rows_left == 0) break;
    const int count = std::min(rows_left, Remaining(pending[i]));
    shares.push_back({i, count, count == Remaining(pending[i])});
    rows_left -= count;
  }
  return shares;
}

Result<StepPlan> BuildPlan(std::span<const PendingTokens> pending, std::span<const RowShare> shares,
                           KvManager& kv) {
  StepPlan plan;
  for (const RowShare& share : shares) {
    const PendingTokens& sequence = pending[share.index];
    FAIRLEAD_RETURN_IF_ERROR(kv.Reserve(sequence.slot, sequence.cached + share.count));
    const Span span{sequence.slot, sequence.cached, share.count};
    const auto tokens = sequence.tokens.subspan(static_cast<size_t>(sequence.cached),
                                                static_cast<size_t>(share.count));
    plan.spans.push_back(span);
    plan.token_ids.insert(plan.token_ids.end(), tokens.begin(), tokens.end());
    if (share.reaches_end) {
      plan.output_rows.push_back(static_cast<int32_t>(plan.token_ids.size()) - 1);
    }
    kv.FillPages(span, plan);
  }
  return plan;
}

}  // namespace fairlead
