// Decides which rows run in the next step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/step_plan.h"
#include "base/error.h"
#include "runtime/kv_manager.h"

namespace fairlead {

// A live sequence as the scheduler sees it: tokens[cached ...) have yet to run.
struct PendingTokens {
  int slot = 0;
  int cached = 0;
  std::span<const int32_t> tokens;
  uint64_t last_step = 0;  // when it last had a row
};

// The next `count` tokens of pending sequence `index` run in this step.
struct RowShare {
  size_t index = 0;
  int count = 0;
  bool reaches_end = false;  // the last row's logits are wanted
};

// Shares `max_rows` rows among the sequences: first one each to those with a single token to run
// (decoding), the longest waiting first; then chunks of prompts, in the order given, until no row
// is left. Sequences with nothing to run get nothing.
std::vector<RowShare> ShareRows(std::span<const PendingTokens> pending, int max_rows);

// The plan for these shares, with pages reserved for them. Fails as KvManager::Reserve does.
Result<StepPlan> BuildPlan(std::span<const PendingTokens> pending, std::span<const RowShare> shares,
                           KvManager& kv);

}  // namespace fairlead
