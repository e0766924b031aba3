#include "chat/harmony/compact_json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace fairlead {
namespace {

// A finite positive number as the integer `digits`, without a trailing zero, times 10^exponent.
struct Decimal {
  std::string digits;
  int exponent;
};

// The fewest digits that give `number` back.
Decimal Shortest(double number) {
  std::array<char, 32> buffer;
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), number, std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t letter = text.find('e');
  Decimal decimal{std::string(text.substr(0, letter)), 0};
  if (decimal.digits.size() > 1) decimal.digits.erase(1, 1);  // the point
  const std::string_view exponent = text.substr(letter + (text[letter + 1] == '+' ? 2 : 1));
  std::from_chars(exponent.begin(), exponent.end(), decimal.exponent);
  decimal.exponent -= static_cast<int>(decimal.digits.size()) - 1;
  return decimal;
}

// Plain notation is for numbers from 0.00001 to below 10^16.
constexpr int kSmallestPoint = -4;
constexpr int kLargestPoint = 16;

std::string PositiveNumber(double number) {
  const auto [digits, exponent] = Shortest(number);
  const int length = static_cast<int>(digits.size());
  const int point = length + exponent;  // digits before the point
  if (point < kSmallestPoint || point > kLargestPoint) {
    return fmt::format("{}{}{}e{}", digits[0], length > 1 ? "." : "", digits.substr(1), point - 1);
  }
  if (point <= 0) {
    return fmt::format("0.{}{}", std::string(static_cast<size_t>(-point), '0'), digits);
  }
  if (exponent >= 0) {
    return fmt::format("{}{}.0", digits, std::string(static_cast<size_t>(exponent), '0'));
  }
  return fmt::format("{}.{}", digits.substr(0, static_cast<size_t>(point)),
                     digits.substr(static_cast<size_t>(point)));
}

// The number that serde_json reads where JSON says `number`: it scales the digits by a power of
// ten in floating point, and the last bit may differ. How many zeros the digits end with matters
// for that, and is taken from the notation above, which most writers of JSON share.
double AsRead(double number) {
  auto [digits, exponent] = Shortest(number);
  const int point = static_cast<int>(digits.size()) + exponent;
  if (exponent >= 0 && point <= kLargestPoint) {  // written with ".0"
    digits.append(static_cast<size_t>(exponent) + 1, '0');
    exponent = -1;
  }
  uint64_t significand = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), significand);
  constexpr int kLargestPower = 308;
  auto read = static_cast<double>(significand);
  if (exponent < -kLargestPower) {  // by less than another such step
    read /= 1e308;
    exponent += kLargestPower;
  }
  const double power = std::strtod(fmt::format("1e{}", std::abs(exponent)).c_str(), nullptr);
  read = exponent < 0 ? read / power : read * power;
  return std::isfinite(read) ? read : number;
}

std::string Number(double number) {
  const char* const sign = std::signbit(number) ? "-" : "";
  const double magnitude = std::abs(number);
  return fmt::format("{}{}", sign, magnitude == 0 ? "0.0" : PositiveNumber(AsRead(magnitude)));
}

std::string QuotedText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\b':
        quoted += "\\b";
        break;
      case '\f':
        quoted += "\\f";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          quoted += fmt::format("\\u{:04x}", c);
        } else {
          quoted += c;
        }
    }
  }
  quoted += '"';
  return quoted;
}

void Append(const Json& value, std::string& out) {
  if (value.is_object()) {
    out += '{';
    const char* separator = "";
    for (const auto& [key, member] : value.items()) {
      out += fmt::format("{}{}:", separator, QuotedText(key));
      Append(member, out);
      separator = ",";
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    const char* separator = "";
    for (const Json& item : value) {
      out += separator;
      Append(item, out);
      separator = ",";
    }
    out += ']';
  } else if (const auto* text = value.get_ptr<const std::string*>()) {
    out += QuotedText(*text);
  } else if (value.is_number_float()) {
    out += Number(value.get<double>());
  } else {
    out += value.dump();
  }
}

}  // namespace

std::string CompactJson(const Json& value) {
  std::string text;
  Append(value, text);
  return text;
}

}  // namespace fairlead
