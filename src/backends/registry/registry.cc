#include "backends/registry/registry.h"

#include "backends/cpu/cpu_backend.h"
#include "backends/reference/reference_backend.h"

namespace fairlead {

Result<const Backend*> FindBackend(std::string_view name) {
  const Backend* const backends[] = {&ReferenceBackend(), &CpuBackend()};
  for (const Backend* backend : backends) {
    if (backend->name() == name) return backend;
  }
  return Fail(ErrorCode::kInvalidArgument, "backend", "\"{}\": expected reference or cpu", name);
}

}  // namespace fairlead
