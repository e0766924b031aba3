// Stands in for isa_avx2.cc and isa_avx512.cc where the target has neither.
#include "backends/cpu/kernels/kernel_table.h"

namespace fairlead::cpu {

constinit const KernelTable kAvx2Kernels = {};
constinit const KernelTable kAvx512Kernels = {};

}  // namespace fairlead::cpu
