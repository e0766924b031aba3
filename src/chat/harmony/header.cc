#include "chat/harmony/header.h"

#include <algorithm>

namespace fairlead {
namespace {

// Unicode's White_Space beyond ASCII, in UTF-8.
constexpr std::string_view kWideSpaces[] = {
    "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
    "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
    "\u2028", "\u2029", "\u202F", "\u205F", "\u3000",
};

// Bytes of the one white space character that `text` begins with.
size_t OneWhiteSpace(std::string_view text) {
  if (text.empty()) return 0;
  const char first = text.front();
  if (first == ' ' || (first >= '\t' && first <= '\r')) return 1;
  if (static_cast<unsigned char>(first) < 0x80) return 0;
  for (const std::string_view space : kWideSpaces) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

// Bytes of `text` before white space and anything that `ends` finds.
template <typename Ends>
size_t LengthUntil(std::string_view text, const Ends& ends) {
  size_t length = 0;
  while (length < text.size()) {
    const std::string_view rest = text.substr(length);
    if (OneWhiteSpace(rest) > 0 || ends(rest)) break;
    ++length;
  }
  return length;
}

size_t WordLength(std::string_view text) {
  return LengthUntil(text, [](std::string_view rest) {
    return rest.starts_with(kChannelMarker) || rest.starts_with(kConstrainMarker);
  });
}

}  // namespace

size_t WhiteSpacePrefix(std::string_view text) {
  size_t length = 0;
  while (const size_t space = OneWhiteSpace(text.substr(length))) length += space;
  return length;
}

std::string_view TrimWhiteSpace(std::string_view text) {
  text.remove_prefix(WhiteSpacePrefix(text));
  size_t kept = 0;
  for (size_t position = 0; position < text.size();) {
    const size_t space = OneWhiteSpace(text.substr(position));
    position += std::max(space, size_t{1});
    if (space == 0) kept = position;
  }
  return text.substr(0, kept);
}

size_t ChannelNameLength(std::string_view text) {
  return LengthUntil(text, [](std::string_view rest) { return rest.starts_with('<'); });
}

std::optional<HeaderWord> NextHeaderWord(std::string_view header, size_t position) {
  position += WhiteSpacePrefix(header.substr(position));
  std::string_view rest = header.substr(position);
  if (rest.empty()) return std::nullopt;
  if (rest.starts_with(kChannelMarker)) {
    rest.remove_prefix(kChannelMarker.size());
    return HeaderWord{HeaderWord::Kind::kChannel, kChannelMarker,
                      rest.substr(0, ChannelNameLength(rest)), position};
  }
  if (rest.starts_with(kConstrainMarker)) {
    rest.remove_prefix(kConstrainMarker.size());
    return HeaderWord{HeaderWord::Kind::kConstrain, kConstrainMarker,
                      rest.substr(0, WordLength(rest)), position};
  }
  return HeaderWord{HeaderWord::Kind::kPlain, {}, rest.substr(0, WordLength(rest)), position};
}

std::string HeaderText(std::string_view header) {
  std::string text;
  for (auto word = NextHeaderWord(header, 0); word; word = NextHeaderWord(header, word->end())) {
    if (!text.empty() && !word->value.empty()) text += ' ';
    text += word->value;
  }
  return text;
}

}  // namespace fairlead
