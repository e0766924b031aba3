#include "artifact/byte_size.h"

#include <cctype>
#include <charconv>
#include <string>

namespace fairlead {
namespace {

// What a unit stands for; 0 for none: a bare number is more likely a mistake than bytes.
double UnitBytes(std::string_view unit) {
  std::string lower;
  for (const char c : unit) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower.empty()) return 0;
  if (lower == "b") return 1;
  constexpr std::string_view kPrefixes = "kmgtp";
  const size_t power = kPrefixes.find(lower[0]);
  if (power == std::string_view::npos) return 0;
  const std::string_view rest = std::string_view(lower).substr(1);
  const double step = rest == "b" || rest.empty() ? 1000 : rest == "ib" ? 1024 : 0;
  double bytes = step;
  for (size_t i = 0; i < power; ++i) bytes *= step;
  return bytes;
}

}  // namespace

std::optional<uint64_t> ParseByteSize(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || text.starts_with('-')) return std::nullopt;
  std::string_view unit(after, static_cast<size_t>(end - after));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const double scale = UnitBytes(unit);
  constexpr double kLargest = 9e18;  // an integer in 64 bits; false for a nan, too
  if (scale == 0 || !(number * scale <= kLargest)) return std::nullopt;
  return static_cast<uint64_t>(number * scale);
}

}  // namespace fairlead
