#include "backends/cpu/kernels/simd/simd_avx2.h"
#include "backends/cpu/kernels/table_impl.h"

namespace fairlead::cpu {

constinit const KernelTable kAvx2Kernels = MakeTable<Avx2>();

}  // namespace fairlead::cpu
