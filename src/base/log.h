// Logging to stderr through spdlog. Levels: debug (every parameter conversion), info, warning,
// error.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace fairlead {

// `text` with control characters escaped: one line that moves no cursor, whatever names from files
// it quotes.
std::string OneLine(std::string_view text);

// Sets the level by name (debug|info|warning|error|off) and sends all records to stderr, each as
// one line.
Status SetLogLevel(std::string_view name);

}  // namespace fairlead
