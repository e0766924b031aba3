#include "cli/arguments.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "base/error.h"

namespace fairlead {
namespace {

// Whether `text` is how `value` is written; any form will do for a fraction.
template <typename T>
bool IsWrittenAs(const std::string& text, T value) {
  return !std::is_integral_v<T> || fmt::format("{}", value) == text;
}

}  // namespace

template <typename T>
std::string DescribeRange(T min, T max) {
  if (std::is_integral_v<T>) return fmt::format("a whole number from {} to {}", min, max);
  if (max == std::numeric_limits<T>::max()) return fmt::format("a number of at least {}", min);
  return fmt::format("a number from {} to {}", min, max);
}

template <typename T>
CLI::Validator NumberFrom(T min, T max) {
  const auto check = [min, max](const std::string& text) -> std::string {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    const bool number = error == std::errc() && after == end && IsWrittenAs(text, value);
    if (number && value >= min && value <= max) return "";
    return fmt::format("expected {}, got {}", DescribeRange(min, max), Quoted(text));
  };
  return CLI::Validator(check, "");
}

template std::string DescribeRange(int64_t min, int64_t max);
template std::string DescribeRange(uint64_t min, uint64_t max);
template std::string DescribeRange(double min, double max);
template CLI::Validator NumberFrom(int64_t min, int64_t max);
template CLI::Validator NumberFrom(uint64_t min, uint64_t max);
template CLI::Validator NumberFrom(double min, double max);

std::string NormalizeOption(std::string argument) {
  const size_t end = std::min(argument.find('='), argument.size());
  if (argument.starts_with("--")) {
    std::replace(argument.begin() + 2, argument.begin() + static_cast<std::ptrdiff_t>(end), '-',
                 '_');
  }
  return argument;
}

}  // namespace fairlead
