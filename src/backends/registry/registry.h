// The backends of this build, by name.
#pragma once

#include <string_view>

#include "backends/backend.h"
#include "base/error.h"

namespace fairlead {

// "reference" or "cpu"; the error lists what there is.
Result<const Backend*> FindBackend(std::string_view name);

}  // namespace fairlead
