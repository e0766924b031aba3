#include "base/cpu_features.h"

#include <cstdlib>

namespace fairlead {
namespace {

constexpr Isa kAllIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

}  // namespace

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "?";
}

bool CpuSupports(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
#endif
  return isa == Isa::kScalar;
}

Result<Isa> ChooseIsa() {
  if (const char* forced = std::getenv("FAIRLEAD_FORCE_ISA"); forced != nullptr) {
    for (Isa isa : kAllIsas) {
      if (IsaName(isa) != forced) continue;
      if (CpuSupports(isa)) return isa;
      return Fail(ErrorCode::kUnsupported, "cpu", "FAIRLEAD_FORCE_ISA: this CPU has no {}", forced);
    }
    return Fail(ErrorCode::kInvalidArgument, "cpu",
                "FAIRLEAD_FORCE_ISA: expected scalar, avx2 or avx512, got \"{}\"", forced);
  }
  Isa best = Isa::kScalar;
  for (Isa isa : kAllIsas) {
    if (CpuSupports(isa)) best = isa;
  }
  return best;
}

}  // namespace fairlead
