// A StepPlan as bytes: what rank 0 sends to the other ranks.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "backends/step_plan.h"
#include "base/error.h"

namespace fairlead {

// The plan as 32-bit words in the machine's byte order: every list is its length and its elements.
std::vector<std::byte> SerialisePlan(const StepPlan& plan);

// The plan whose bytes these are; kInvalidData for bytes that SerialisePlan never gives. Whether an
// executor can run the plan is for ValidatePlan to say.
Result<StepPlan> ParsePlan(std::span<const std::byte> bytes);

}  // namespace fairlead
