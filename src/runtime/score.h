// The logits of a given text: for comparing ports and for evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/backend.h"
#include "base/error.h"
#include "base/tensor.h"
#include "config/model_facts.h"

namespace fairlead {

// Takes the logits of consecutive positions from `first` on, f32 [positions, vocabulary].
using LogitsSink = std::function<Status(int64_t first, const Tensor& logits)>;

// Runs `ids` as one sequence, at most max_rows tokens a step, and gives the logits of every
// position to `sink`, step by step; its error ends the run. Uses the executor's whole cache. A
// `tap` sees the named values of each step in turn: the rows of a long text come in several visits,
// in order.
// kInvalidArgument: no ids, more than max_position, or ids outside the vocabulary.
// kResourceExhausted: more ids than the pages hold.
Status ScoreTokens(Executor& executor, const ModelFacts& facts, std::span<const int32_t> ids,
                   const LogitsSink& sink, ValueTap* tap = nullptr);

// The same as one tensor, f32 [ids, vocabulary]; kResourceExhausted when memory cannot hold it.
Result<Tensor> ScoreTokens(Executor& executor, const ModelFacts& facts,
                           std::span<const int32_t> ids, ValueTap* tap = nullptr);

}  // namespace fairlead
