// The words of a message's header, as far as all readers of harmony agree on them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "chat/harmony/words.h"

namespace fairlead {

// A header's text has its markers by name, however a model spelled them.
inline constexpr std::string_view kChannelMarker = "<|channel|>";
inline constexpr std::string_view kConstrainMarker = "<|constrain|>";
inline constexpr std::string_view kRecipientPrefix = "to=";

// Where it matters whether a special token or text spelled a marker's name, the token is the name
// behind this byte, which no UTF-8 has.
inline constexpr char kTokenByte = '\xFF';

// What counts as a marker: its name, or only the special token.
enum class MarkerKind { kName, kToken };

// `text` without the bytes that tell tokens from names.
std::string WithoutTokenBytes(std::string_view text);
// `text` without the markers that are special tokens, each up to the end of its name.
std::string WithoutMarkerTokens(std::string_view text);

// Bytes of the white space (as Unicode defines it) that `text` begins with; 0 for none.
size_t WhiteSpacePrefix(std::string_view text);
// `text` without the white space at its ends.
std::string_view TrimWhiteSpace(std::string_view text);
// Bytes of the name that follows a channel marker: it ends before white space and '<'.
size_t ChannelNameLength(std::string_view text);

// A part of a header between white space, or from a marker on.
struct HeaderWord {
  enum class Kind { kPlain, kChannel, kConstrain };

  Kind kind;
  std::string_view marker;  // empty for a plain word
  std::string_view value;   // what follows the marker, without white space in between
  size_t begin;             // in the header

  size_t size() const { return marker.size() + value.size(); }
  size_t end() const { return begin + size(); }
};

// The first word of `header` from `position` on; nullopt when only white space is left.
std::optional<HeaderWord> NextHeaderWord(std::string_view header, size_t position,
                                         MarkerKind markers);

// The words of `header` without its marker tokens, with one space between them.
std::string HeaderText(std::string_view header);

}  // namespace fairlead
