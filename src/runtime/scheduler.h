// Decides which rows run in the next step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/step_plan.h"

namespace fairlead {

// A live sequence as the scheduler sees it. It decodes when one known token has yet to run, and
// then may have drafted tokens to run behind it; with more to run it is a prompt.
struct PendingTokens {
  int remaining = 0;  // known tokens that have yet to run, at least 1
  int drafted = 0;    // of a decoding sequence
  int priority = 0;
  int64_t last_step = 0;  // when it last had a row, or was admitted
};

// The next `count` tokens of pending sequence `index` run in this step.
struct RowShare {
  size_t index = 0;
  int count = 0;
  int outputs = 0;  // the last so many rows' logits are wanted
};

struct SharePolicy {
  // In a step that also decodes, at least 1: rows of prompts, and of drafted tokens, at most.
  int mixed_prompt_rows = 0;
  bool prompts_next = true;  // where a step cannot do both, and there is both: which one
};

// Shares a step among the sequences, as `limits` allow.
//
// Any plan within max_rows (no shapes): one row for each decoding sequence, then prompts, then the
// drafted tokens in equal parts, as many rows as the policy and the budget leave. Steps of fixed
// shape:
// either all decoding sequences or prompts, each cut to what the widest shape holds.
//
// Among those of one kind: higher priority first, then who has waited longest since its last row.
// So no prompt waits for the whole of another, and with at least max_slots rows (or spans) every
// decoding sequence has a row in every step that decodes.
std::vector<RowShare> ShareRows(std::span<const PendingTokens> pending, const Capabilities& limits,
                                const SharePolicy& policy);

}  // namespace fairlead
