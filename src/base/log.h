// Logging to stderr through spdlog. Levels: debug (every parameter conversion), info, warning,
// error.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

#include "base/error.h"

namespace fairlead {

// Sets the level by name (debug|info|warning|error|off) and sends all records to stderr.
Status SetLogLevel(std::string_view name);

}  // namespace fairlead
