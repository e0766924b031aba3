// The logits of a given text: for comparing ports and for evaluation.
#pragma once

#include <cstdint>
#include <span>

#include "backends/backend.h"
#include "base/error.h"
#include "base/tensor.h"
#include "config/model_facts.h"

namespace fairlead {

// Runs `ids` as one sequence, at most max_rows tokens a step, and returns the logits of every
// position, f32 [ids, vocabulary]. Uses the executor's whole cache. A `tap` sees the named values
// of each step in turn: the rows of a long text come in several visits, in order.
// kInvalidArgument: no ids, more than max_position, or ids outside the vocabulary.
Result<Tensor> ScoreTokens(Executor& executor, const ModelFacts& facts,
                           std::span<const int32_t> ids, ValueTap* tap = nullptr);

}  // namespace fairlead
