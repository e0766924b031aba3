#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

namespace fairlead {
namespace {

// "warning: what happened", on one line.
class LineFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& line) override {
    const std::string text = OneLine({record.payload.data(), record.payload.size()});
    spdlog::details::log_msg safe = record;
    safe.payload = text;
    pattern_.format(safe, line);
    // Where the sink puts its colour.
    record.color_range_start = safe.color_range_start;
    record.color_range_end = safe.color_range_end;
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>();
  }

 private:
  spdlog::pattern_formatter pattern_{"%^%l%$: %v"};
};

}  // namespace

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      line += fmt::format("\\x{:02x}", code);
    } else {
      line += c;
    }
  }
  return line;
}

Status SetLogLevel(std::string_view name) {
  const auto level = spdlog::level::from_str(std::string(name));
  if (level == spdlog::level::off && name != "off") {
    return Fail(ErrorCode::kInvalidArgument, "log",
                "--log_level: expected debug, info, warning, error or off, got \"{}\"", name);
  }
  static const auto logger = spdlog::stderr_color_mt("fairlead");
  logger->set_formatter(std::make_unique<LineFormatter>());
  spdlog::set_default_logger(logger);
  spdlog::set_level(level);
  return {};
}

}  // namespace fairlead
