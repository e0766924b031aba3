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

// Bytes of the marker that `text` begins with; 0 for none.
size_t MarkerLength(std::string_view text, std::string_view name, MarkerKind kind) {
  const size_t prefix = kind == MarkerKind::kToken ? 1 : 0;
  if (prefix > 0 && !text.starts_with(kTokenByte)) return 0;
  return text.substr(prefix).starts_with(name) ? prefix + name.size() : 0;
}

size_t WordLength(std::string_view text, MarkerKind kind) {
  return LengthUntil(text, [kind](std::string_view rest) {
    return MarkerLength(rest, kChannelMarker, kind) > 0 ||
           MarkerLength(rest, kConstrainMarker, kind) > 0;
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

std::string WithoutTokenBytes(std::string_view text) {
  std::string named(text);
  std::erase(named, kTokenByte);
  return named;
}

std::string WithoutMarkerTokens(std::string_view text) {
  std::string plain;
  for (size_t token; (token = text.find(kTokenByte)) != std::string_view::npos;) {
    plain += text.substr(0, token);
    text.remove_prefix(text.find("|>", token) + 2);
  }
  return plain.append(text);
}

size_t ChannelNameLength(std::string_view text) {
  return LengthUntil(text, [](std::string_view rest) {
    return rest.starts_with('<') || rest.starts_with(kTokenByte);
  });
}

std::optional<HeaderWord> NextHeaderWord(std::string_view header, size_t position,
                                         MarkerKind markers) {
  position += WhiteSpacePrefix(header.substr(position));
  const std::string_view rest = header.substr(position);
  if (rest.empty()) return std::nullopt;
  if (const size_t marker = MarkerLength(rest, kChannelMarker, markers)) {
    const std::string_view name = rest.substr(marker);
    return HeaderWord{HeaderWord::Kind::kChannel, rest.substr(0, marker),
                      name.substr(0, ChannelNameLength(name)), position};
  }
  if (const size_t marker = MarkerLength(rest, kConstrainMarker, markers)) {
    const std::string_view type = rest.substr(marker);
    return HeaderWord{HeaderWord::Kind::kConstrain, rest.substr(0, marker),
                      type.substr(0, WordLength(type, markers)), position};
  }
  return HeaderWord{
      HeaderWord::Kind::kPlain, {}, rest.substr(0, WordLength(rest, markers)), position};
}

std::string HeaderText(std::string_view header) {
  std::string text;
  size_t position = 0;
  while (const auto word = NextHeaderWord(header, position, MarkerKind::kToken)) {
    if (!text.empty() && !word->value.empty()) text += ' ';
    text += word->value;
    position = word->end();
  }
  return text;
}

}  // namespace fairlead
