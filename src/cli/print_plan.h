// A plan of ranks as people and programs read it.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/shard_plan.h"

namespace fairlead {

// Tables of at most 120 columns. Layers that are divided alike share a row, and so do ranks whose
// parts are the same or follow each other in equal steps.
std::string PlanText(const ShardPlan& plan);

// Everything, parameter by parameter and rank by rank.
Json PlanJson(const ShardPlan& plan);

}  // namespace fairlead
