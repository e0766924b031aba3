#include "backends/cpu/kernels/simd/simd_avx512.h"
#include "backends/cpu/kernels/table_impl.h"

namespace fairlead::cpu {

constinit const KernelTable kAvx512Kernels = MakeTable<Avx512>();

}  // namespace fairlead::cpu
