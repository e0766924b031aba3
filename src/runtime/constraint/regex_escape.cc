#include "runtime/constraint/regex_escape.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace fairlead {
namespace {

RegexEscape One(uint32_t character) { return {{{character, character}}, false}; }

// The class of a lower-case letter, or nothing.
CharacterSet LetterClass(char letter) {
  switch (letter) {
    case 'd':
      return {{'0', '9'}};
    case 'w':
      return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return {{'\t', '\r'}, {' ', ' '}};
    default:
      return {};
  }
}

std::optional<uint32_t> ControlCharacter(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    default:
      return std::nullopt;
  }
}

bool IsAsciiLetterOrDigit(char c) {
  return ('0' <= c && c <= '9') || ('A' <= c && c <= 'Z') || ('a' <= c && c <= 'z');
}

std::optional<uint32_t> ParseHex(std::string_view digits) {
  uint32_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool IsScalar(uint32_t value) { return value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF); }

// \xHH, \uHHHH or \u{H...}; `position` is that of the letter.
Result<RegexEscape> ReadHexEscape(std::string_view pattern, size_t& position) {
  constexpr size_t kMostDigits = 6;
  const size_t letter = position++;
  std::string_view digits;
  if (pattern[letter] == 'u' && pattern.substr(position).starts_with("{")) {
    const size_t end = std::min(pattern.find('}', position), pattern.size());
    digits = pattern.substr(position + 1, end - position - 1);
    if (end == pattern.size() || digits.size() > kMostDigits || !ParseHex(digits)) {
      return RegexError(ErrorCode::kInvalidArgument, pattern, position,
                        "{, one to six hexadecimal digits and }");
    }
    position = end + 1;
  } else {
    const size_t count = pattern[letter] == 'x' ? 2 : 4;
    digits = pattern.substr(position, count);
    if (digits.size() < count || !ParseHex(digits)) {
      return RegexError(ErrorCode::kInvalidArgument, pattern, position,
                        fmt::format("{} hexadecimal digits", count));
    }
    position += count;
  }
  const uint32_t character = *ParseHex(digits);
  if (!IsScalar(character)) {
    return RegexError(ErrorCode::kInvalidArgument, pattern, letter,
                      "a character up to U+10FFFF that is no surrogate");
  }
  return One(character);
}

}  // namespace

tl::unexpected<Error> RegexError(ErrorCode code, std::string_view pattern, size_t position,
                                 std::string_view expected) {
  std::string found = "the end";
  if (position < pattern.size()) {
    size_t end = position;
    ReadRegexCharacter(pattern, end);
    found = Quoted(pattern.substr(position, end - position));
  }
  return Fail(code, "regex", "position {}: expected {}, got {}", position, expected, found);
}

uint32_t ReadRegexCharacter(std::string_view pattern, size_t& position) {
  const auto lead = static_cast<uint8_t>(pattern[position++]);
  if (lead < 0x80) return lead;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint32_t character = lead & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    character = character << 6 | (static_cast<uint8_t>(pattern[position++]) & 0x3F);
  }
  return character;
}

Result<RegexEscape> ReadRegexEscape(std::string_view pattern, size_t& position) {
  const size_t start = position++;
  const char letter = position < pattern.size() ? pattern[position] : '\0';
  if (letter == 'x' || letter == 'u') return ReadHexEscape(pattern, position);
  if (const auto control = ControlCharacter(letter)) {
    ++position;
    return One(*control);
  }
  const bool is_upper = 'A' <= letter && letter <= 'Z';
  CharacterSet characters = LetterClass(is_upper ? static_cast<char>(letter - 'A' + 'a') : letter);
  if (!characters.empty()) {
    ++position;
    if (is_upper) characters = Complement(characters);
    return RegexEscape{std::move(characters), true};
  }
  const bool is_symbol = ' ' <= letter && letter <= '~' && !IsAsciiLetterOrDigit(letter);
  if (is_symbol) {
    ++position;
    return One(static_cast<uint8_t>(letter));
  }
  if ('1' <= letter && letter <= '9') {
    return RegexError(ErrorCode::kUnsupported, pattern, start + 1,
                      "an escaped character (back-references are not supported)");
  }
  return RegexError(
      position < pattern.size() ? ErrorCode::kUnsupported : ErrorCode::kInvalidArgument, pattern,
      start + 1, "one of the escapes \\d \\w \\s \\D \\W \\S \\n \\t \\r \\f \\x \\u or a symbol");
}

}  // namespace fairlead
