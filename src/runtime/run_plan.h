// The runtime's side of the seam to an executor: what it takes for granted is checked here.
#pragma once

#include "backends/backend.h"
#include "base/error.h"
#include "base/tensor.h"
#include "config/model_facts.h"

namespace fairlead {

// kInvalidArgument unless the executor runs a model with these facts: rows, slots, positions that
// fit an int, and for each of its KV groups pages, or slots that hold what the rows of the largest
// step see.
Status CheckExecutor(const Executor& executor, const ModelFacts& facts);

// Runs the plan and returns the logits, f32 [output rows, vocabulary]; kInternal when they are not.
Result<Tensor> RunPlan(Executor& executor, const ModelFacts& facts, const StepPlan& plan);

}  // namespace fairlead
