// The oracle: every op as its formula, in scalar float32, for tests and for comparing ports.
#pragma once

#include "backends/backend.h"

namespace fairlead {

// Plain loops, one thread, sums in natural order, weights dequantised row by row as they are used;
// reads every layout. Runs any plan within its capabilities.
const Backend& ReferenceBackend();

}  // namespace fairlead
