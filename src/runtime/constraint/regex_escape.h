// The escapes of regular expressions. Only regex_syntax.cc needs it.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "runtime/constraint/character_set.h"

namespace fairlead {

// "[regex] position 7: expected `expected`, got ..." with what stands there.
tl::unexpected<Error> RegexError(ErrorCode code, std::string_view pattern, size_t position,
                                 std::string_view expected);

// What an escape stands for: one character, or the class of a letter such as \d.
struct RegexEscape {
  CharacterSet characters;
  bool is_class;
};

// Reads the escape at `position`, where a backslash stands, and moves behind it.
Result<RegexEscape> ReadRegexEscape(std::string_view pattern, size_t& position);

// Reads one character of UTF-8 at `position`, which is inside the pattern, and moves behind it.
uint32_t ReadRegexCharacter(std::string_view pattern, size_t& position);

}  // namespace fairlead
