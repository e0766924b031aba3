// Where the values of a step live: one buffer, planned once.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace fairlead::cpu {

struct ArenaPlan {
  std::vector<int64_t> offsets;  // bytes, per value; -1: the value lives elsewhere
  int64_t bytes = 0;
};

// Gives every computed value except the logits a place for steps of up to `max_rows` rows. Values
// share memory when none is read after another is written.
ArenaPlan PlanArena(const Graph& graph, int64_t max_rows);

}  // namespace fairlead::cpu
