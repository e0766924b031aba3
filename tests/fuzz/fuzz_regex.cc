// Any bytes as a regular expression: it is refused with an error or gives an automaton whose states
// can all still accept, also when their memory is dropped at every step.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/constraint/lazy_dfa.h"
#include "runtime/constraint/regex.h"
#include "tokenizer/utf8.h"

namespace {

using fairlead::LazyDfa;

constexpr size_t kMemory = size_t{1} << 20;
constexpr size_t kMostSteps = 64;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// A zero byte ends the pattern, and what follows is the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view pattern(reinterpret_cast<const char*>(data), size);
  std::string_view text = pattern;
  if (const size_t end = pattern.find('\0'); end != std::string_view::npos) {
    text = pattern.substr(end + 1);
    pattern = pattern.substr(0, end);
  }
  const auto automaton = fairlead::CompileRegex(pattern);
  if (!automaton) {
    Require(automaton.error().message.starts_with("[regex] p"));  // position or pattern
    Require(automaton.error().message.find('\n') == std::string::npos);
    return 0;
  }
  LazyDfa dfa(*automaton, kMemory);
  LazyDfa forgetful(*automaton, 0);
  int32_t state = dfa.Start();
  int32_t same = forgetful.Start();
  for (size_t i = 0; i < text.size() && i < kMostSteps; ++i) {
    if (dfa.Accepts(state)) Require(!fairlead::FindInvalidUtf8(text.substr(0, i)));
    forgetful.Reset({&same, 1});
    const auto byte = static_cast<uint8_t>(text[i]);
    state = dfa.Next(state, byte);
    same = forgetful.Next(same, byte);
    Require((state == LazyDfa::kDead) == (same == LazyDfa::kDead));
    if (state == LazyDfa::kDead) return 0;
    Require(*dfa.state(state) == *forgetful.state(same));
    Require(dfa.Accepts(state) == forgetful.Accepts(same));
  }
  return 0;
}
