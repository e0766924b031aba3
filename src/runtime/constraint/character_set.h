// Sets of Unicode characters and the bytes that spell them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

// The characters first to last.
struct CharacterRange {
  uint32_t first;
  uint32_t last;
  bool operator==(const CharacterRange&) const = default;
};
// Ascending, neither overlapping nor adjoining, without surrogates and nothing above U+10FFFF.
using CharacterSet = std::vector<CharacterRange>;

// The set of the characters in any of `ranges`.
CharacterSet MakeCharacterSet(std::vector<CharacterRange> ranges);
// All characters that are not in `set`.
CharacterSet Complement(const CharacterSet& set);

// The UTF-8 forms of a set as a small graph. Edges lead to nodes before their own, and the last
// node is where a character begins.
struct Utf8Graph {
  static constexpr uint32_t kDone = UINT32_MAX;
  struct Edge {
    uint8_t low;
    uint8_t high;
    uint32_t target;  // a node, or kDone after the last byte
  };
  std::vector<std::vector<Edge>> nodes;

  size_t edge_count() const;
};
Utf8Graph MakeUtf8Graph(const CharacterSet& set);

}  // namespace fairlead
