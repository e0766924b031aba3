#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace fairlead {

Status SetLogLevel(std::string_view name) {
  const auto level = spdlog::level::from_str(std::string(name));
  if (level == spdlog::level::off && name != "off") {
    return Fail(ErrorCode::kInvalidArgument, "log",
                "--log-level: expected debug, info, warning, error or off, got \"{}\"", name);
  }
  static const auto logger = spdlog::stderr_color_mt("fairlead");
  logger->set_pattern("%^%l%$: %v");
  spdlog::set_default_logger(logger);
  spdlog::set_level(level);
  return {};
}

}  // namespace fairlead
