// UTF-8 as the Unicode Standard defines it (table 3-7), and what to do with bytes that are not.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

// Offset of the first byte that begins no well-formed sequence; nullopt when all of `text` is
// UTF-8.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// The first sequence of `text` that is no character: its maximal subpart, and whether the end of
// `text` cut it off, so that more bytes could complete it. nullopt when all of `text` is UTF-8.
struct BrokenUtf8 {
  size_t offset;
  size_t length;
  bool cut_off;
};
std::optional<BrokenUtf8> FindBrokenUtf8(std::string_view text);

// Appends `bytes` to `out` as UTF-8, each maximal subpart of a broken sequence replaced by one
// U+FFFD (Unicode Standard 15.0, section 3.9, best practice; the same as Rust's from_utf8_lossy).
// A sequence cut off by the end of `bytes` is left over unless `final`. Returns the bytes consumed.
size_t AppendUtf8Lossy(std::string_view bytes, bool final, std::string& out);

}  // namespace fairlead
