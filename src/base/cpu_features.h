// Which vector instructions this process may use.
#pragma once

#include <string_view>

#include "base/error.h"

namespace fairlead {

enum class Isa { kScalar, kAvx2, kAvx512 };

std::string_view IsaName(Isa isa);

// The best instruction set of this CPU, or the one FAIRLEAD_FORCE_ISA (scalar|avx2|avx512) names.
// An unknown name, or one this CPU does not have, is an error.
Result<Isa> ChooseIsa();

// Whether this CPU and operating system can run `isa`.
bool CpuSupports(Isa isa);

}  // namespace fairlead
