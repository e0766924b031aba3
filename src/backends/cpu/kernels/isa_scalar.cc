#include "backends/cpu/kernels/simd/simd_scalar.h"
#include "backends/cpu/kernels/table_impl.h"

namespace fairlead::cpu {

constinit const KernelTable kScalarKernels = MakeTable<Scalar>();

}  // namespace fairlead::cpu
