// The fast backend: vector kernels on CPU threads, profile exact (weights as stored, everything
// else float32).
#pragma once

#include "backends/backend.h"

namespace fairlead {

// The one instance; it has no state.
const Backend& CpuBackend();

}  // namespace fairlead
