// A regular expression as a tree. Only regex.cc needs it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/constraint/character_set.h"

namespace fairlead {

struct RegexNode {
  enum class Kind {
    kCharacter,  // one character of `characters`
    kSequence,   // all `parts` in order
    kChoice,     // one of `parts`
    kRepeat,     // the only part, `least` to `most` times
  };
  Kind kind;
  Utf8Graph characters = {};
  std::vector<RegexNode> parts = {};
  size_t least = 0;
  std::optional<size_t> most = {};
  // No fewer than the nodes and edges of its automaton, and at least 1.
  size_t size = 1;
};

// Reads the syntax that regex.h describes. The size of the result is bounded, and so is its depth:
// functions on it may be recursive.
Result<RegexNode> ParseRegex(std::string_view pattern);

}  // namespace fairlead
