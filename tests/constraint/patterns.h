// Patterns and texts to try an automaton with, and what PCRE2 says about them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/random.h"

struct pcre2_real_code_8;

namespace fairlead::testing {

// A pattern as PCRE2 understands it: UTF, the whole text has to match.
class Pcre2Pattern {
 public:
  explicit Pcre2Pattern(std::string_view pattern);
  // PCRE2 can read the pattern.
  bool valid() const { return code_ != nullptr; }
  // False for a text that is not UTF-8, nothing when matching takes too long.
  std::optional<bool> TryToMatch(std::string_view text) const;
  // The same, but throws when matching takes too long.
  bool Matches(std::string_view text) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

// A random pattern of all the syntax there is, with groups up to `depth` deep.
std::string RandomPattern(Random& random, int depth);

// A random pattern over a, b and é whose texts have at most `longest` characters. Some of its
// alternatives lead nowhere, since a class without characters ends them.
std::string RandomFinitePattern(Random& random, size_t longest);

// A random text of up to `longest` characters that such patterns have a chance to match.
std::string RandomText(Random& random, size_t longest);

// All texts of at most `longest` of these characters.
std::vector<std::string> AllTexts(const std::vector<std::string>& characters, size_t longest);

}  // namespace fairlead::testing
