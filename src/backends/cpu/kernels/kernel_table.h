// The kernels of one instruction set, as pointers.
//
// This header and everything the kernels include is also compiled with AVX flags: it must define no
// inline function with external linkage and include no library header that does, or the linker
// could pick the AVX copy for code that runs on any CPU.
#pragma once

#include "backends/cpu/kernels/attention/attention.h"
#include "backends/cpu/kernels/elementwise/elementwise.h"
#include "backends/cpu/kernels/matmul/matmul.h"

namespace fairlead::cpu {

struct KernelTable {
#define FAIRLEAD_KERNEL(Template, member, Arguments) void (*member)(const Arguments&);
#include "backends/cpu/kernels/kernels.def"
#undef FAIRLEAD_KERNEL
  int matmul_rows;  // rows of a tile at most
};

// Those of an instruction set that this build's target does not have are empty and never chosen.
extern const KernelTable kScalarKernels;
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;

}  // namespace fairlead::cpu
