// Regular expressions as automata.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "runtime/constraint/byte_automaton.h"

namespace fairlead {

// The automaton of all texts that `pattern` (UTF-8) matches as a whole; they are UTF-8, too.
//
//   a . [a-z] [^"é]     a character; any but \n; one of a class; one outside it
//   \d \w \s \D \W \S   [0-9], [0-9A-Za-z_], [ \t\n\v\f\r], and the characters outside these
//   \n \t \r \f \xHH \uHHHH \u{H...}, and \ before any ASCII character but letters and digits
//   (...) (?:...) a|b   groups (both the same: nothing is captured) and choices
//   * + ? {m} {m,} {m,n}
//   ^ at the very beginning and $ at the very end, which change nothing
//
// All of it means what it means to PCRE2 without options but UTF. Anything else (lazy and
// possessive quantifiers, look-around, back-references, flags, \b, \p) is kUnsupported, a broken
// pattern or one that no text matches kInvalidArgument, and one whose automaton would be too large
// kResourceExhausted; errors name the position in bytes, from 0.
Result<std::shared_ptr<const ByteAutomaton>> CompileRegex(std::string_view pattern);

}  // namespace fairlead
