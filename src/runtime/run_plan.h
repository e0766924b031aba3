// The runtime's side of the seam to an executor: what it takes for granted is checked here.
#pragma once

#include "backends/backend.h"
#include "base/error.h"
#include "base/tensor.h"
#include "config/model_facts.h"

namespace fairlead {

// kInvalidArgument unless the executor runs a model with these facts: pages for each of its KV
// groups, rows, slots, and positions that fit an int.
Status CheckExecutor(const Executor& executor, const ModelFacts& facts);

// Runs the plan and returns the logits, f32 [output rows, vocabulary]; kInternal when they are not.
Result<Tensor> RunPlan(Executor& executor, const ModelFacts& facts, const StepPlan& plan);

}  // namespace fairlead
