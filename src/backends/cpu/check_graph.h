// What the executor relies on beyond VerifyGraph, checked once when a program is loaded.
#pragma once

#include "backends/backend.h"

namespace fairlead::cpu {

// Checks that the graph's inputs, weight layouts, KV groups and sizes are ones that the kernels can
// run without looking again, and that its collectives are meant for `ranks` ranks. Call after
// VerifyGraph and CheckWeights.
Status CheckGraph(const Program& program, int ranks);

}  // namespace fairlead::cpu
