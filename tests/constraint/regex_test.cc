// Regular expressions against PCRE2, over random patterns and texts.
#include "runtime/constraint/regex.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/constraint/lazy_dfa.h"
#include "tests/constraint/patterns.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

using testing::Pcre2Pattern;
using testing::Random;

constexpr size_t kMemory = size_t{64} << 20;

LazyDfa Compile(const std::string& pattern) {
  auto automaton = CompileRegex(pattern);
  if (!automaton) throw std::runtime_error(automaton.error().message);
  return {std::move(*automaton), kMemory};
}

// The number of the state after `text`, or kDead.
int32_t StateAfter(LazyDfa& dfa, std::string_view text) {
  int32_t state = dfa.Start();
  for (size_t i = 0; i < text.size() && state != LazyDfa::kDead; ++i) {
    state = dfa.Next(state, static_cast<uint8_t>(text[i]));
  }
  return state;
}

bool Matches(LazyDfa& dfa, std::string_view text) {
  const int32_t state = StateAfter(dfa, text);
  return state != LazyDfa::kDead && dfa.Accepts(state);
}

// A text that the automaton leads to, accepted or not yet, of up to `longest` bytes.
std::string RandomPrefix(LazyDfa& dfa, Random& random, size_t longest) {
  std::string text;
  int32_t state = dfa.Start();
  while (text.size() < longest && !(dfa.Accepts(state) && random.Int(0, 7) == 0)) {
    std::vector<uint8_t> bytes;
    for (int byte = 0; byte < 256; ++byte) {
      // Most bytes of a wide class begin rare characters; the alphabet of the patterns is small.
      const bool is_common =
          byte < 0x80 ? std::string_view("abcB07_- \n\t\"xz.").find(static_cast<char>(byte)) !=
                            std::string_view::npos
                      : random.Int(0, 3) == 0;
      if (!is_common && random.Int(0, 15) != 0) continue;
      if (dfa.Next(state, static_cast<uint8_t>(byte)) != LazyDfa::kDead) {
        bytes.push_back(static_cast<uint8_t>(byte));
      }
    }
    if (bytes.empty()) break;
    const uint8_t byte =
        bytes[static_cast<size_t>(random.Int(0, static_cast<int64_t>(bytes.size()) - 1))];
    text += static_cast<char>(byte);
    state = dfa.Next(state, byte);
  }
  return text;
}

std::string ErrorOf(const std::string& pattern) {
  const auto automaton = CompileRegex(pattern);
  return automaton ? "no error" : automaton.error().message;
}

TEST(Regex, SaysWhatPcre2SaysOnRandomPatternsAndTexts) {
  Random random(1);
  size_t matched = 0;
  size_t refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string pattern = testing::RandomPattern(random, 3);
    const Pcre2Pattern expected(pattern);
    ASSERT_TRUE(expected.valid()) << pattern;
    const auto automaton = CompileRegex(pattern);
    if (!automaton) {
      // Only a class without characters makes a pattern that nothing matches.
      ASSERT_NE(automaton.error().message.find("some text matches"), std::string::npos)
          << pattern << "\n"
          << automaton.error().message;
      ++refused;
      continue;
    }
    LazyDfa dfa(*automaton, kMemory);
    for (int j = 0; j < 40; ++j) {
      const std::string text =
          j % 2 == 0 ? testing::RandomText(random, 6) : RandomPrefix(dfa, random, 12);
      const bool matches = Matches(dfa, text);
      ASSERT_EQ(matches, expected.Matches(text)) << fmt::format("{:?} on {:?}", pattern, text);
      matched += matches ? 1 : 0;
    }
  }
  EXPECT_GT(matched, 40'000);  // a test on which nothing matches would say nothing
  EXPECT_LT(refused, 400);
}

TEST(Regex, LivesExactlyOnBeginningsOfTextsThatMatch) {
  Random random(2);
  constexpr size_t kLongest = 6;
  const auto texts = testing::AllTexts({"a", "b", "é"}, kLongest);
  size_t dead_ends = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string pattern = testing::RandomFinitePattern(random, kLongest);
    const Pcre2Pattern oracle(pattern);
    std::set<std::string, std::less<>> accepted;
    for (const std::string& text : texts) {
      if (oracle.Matches(text)) accepted.insert(text);
    }
    const auto automaton = CompileRegex(pattern);
    ASSERT_EQ(automaton.has_value(), !accepted.empty()) << pattern;
    if (!automaton) {
      ++dead_ends;
      continue;
    }
    LazyDfa dfa(*automaton, kMemory);
    for (const std::string& text : texts) {
      // The texts are cut inside é, too.
      for (const size_t cut : {size_t{0}, size_t{1}}) {
        const std::string_view prefix =
            std::string_view(text).substr(0, text.size() - std::min(cut, text.size()));
        const auto whole = accepted.lower_bound(prefix);
        const bool viable = whole != accepted.end() && whole->starts_with(prefix);
        ASSERT_EQ(StateAfter(dfa, prefix) != LazyDfa::kDead, viable)
            << fmt::format("{:?} on {:?}", pattern, prefix);
      }
    }
  }
  EXPECT_GT(dead_ends, 10);
}

TEST(Regex, SaysWhatPcre2SaysOfEveryCharacter) {
  for (const std::string pattern : {".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "[^a-zé]",
                                    "[\\u0000-\\u{10ffff}]", "[\\u{7ff}-\\u{800}\\uffff-🙂]"}) {
    LazyDfa dfa = Compile(pattern);
    const Pcre2Pattern oracle(pattern);
    for (uint32_t code = 0; code <= 0x110000; code += code < 0x3000 ? 1 : 61) {
      std::string text;
      // Surrogates and what lies above the last character are spelled like characters.
      if (code < 0x80) {
        text = {static_cast<char>(code)};
      } else if (code < 0x800) {
        text = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
      } else if (code < 0x10000) {
        text = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
      } else {
        text = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
                static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
      }
      ASSERT_EQ(Matches(dfa, text), oracle.Matches(text)) << pattern << " on " << code;
    }
  }
}

TEST(Regex, AllowsNoBytesThatAreNotUtf8) {
  LazyDfa dfa = Compile("[\\s\\S]*");
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = testing::RandomText(random, 3);
    for (char& byte : bytes) {
      if (random.Int(0, 4) == 0) byte = static_cast<char>(random.Int(0, 255));
    }
    ASSERT_EQ(Matches(dfa, bytes), !FindInvalidUtf8(bytes)) << fmt::format("{:?}", bytes);
    // A text that can still become UTF-8 lives: all of it is, or what is left over is cut short.
    std::string text;
    const size_t consumed = AppendUtf8Lossy(bytes, /*final=*/false, text);
    const bool viable = !FindInvalidUtf8(std::string_view(bytes).substr(0, consumed));
    ASSERT_EQ(StateAfter(dfa, bytes) != LazyDfa::kDead, viable) << fmt::format("{:?}", bytes);
  }
}

TEST(Regex, IgnoresAnchorsAtTheEnds) {
  LazyDfa dfa = Compile("^ab$");
  EXPECT_TRUE(Matches(dfa, "ab"));
  EXPECT_FALSE(Matches(dfa, "ab\n"));
  EXPECT_FALSE(Matches(dfa, "xab"));
  LazyDfa escaped = Compile("\\^a\\$");
  EXPECT_TRUE(Matches(escaped, "^a$"));
}

TEST(Regex, NamesThePositionOfWhatItDoesNotSupport) {
  for (const auto& [pattern, message] : std::vector<std::pair<std::string, std::string>>{
           {"ab*?", "position 3: expected no ? after a quantifier (lazy"},
           {"ab*+", "position 3: expected no + after a quantifier (possessive"},
           {"(a)\\1", "position 4: expected an escaped character (back-references"},
           {"x(?=a)", "position 1: expected a group ( or (?: without look-around"},
           {"(?i)a", "position 0: expected a group"},
           {"(?<n>a)", "position 0: expected a group"},
           {"(*UTF)a", "position 0: expected a group"},
           {"a\\b", "position 2: expected one of the escapes"},
           {"\\p{L}", "position 1: expected one of the escapes"},
           {"é^a", "position 2: expected a character (^ only"},
           {"a$b", "position 1: expected a character (\"$\" only"},
           {"[[:alpha:]]", "position 1: expected no class inside a class"},
           {"[]a]", "position 1: expected a class with members"},
           {"[^]a]", "position 2: expected a class with members"}}) {
    const auto automaton = CompileRegex(pattern);
    ASSERT_FALSE(automaton.has_value()) << pattern;
    EXPECT_EQ(automaton.error().code, ErrorCode::kUnsupported) << pattern;
    EXPECT_EQ(automaton.error().message.substr(0, 8 + message.size()), "[regex] " + message);
  }
}

TEST(Regex, NamesThePositionOfWhatIsBroken) {
  for (const auto& [pattern, message] : std::vector<std::pair<std::string, std::string>>{
           {"(ab", "position 3: expected a ) to end the group, got the end"},
           {"ab)", "position 2: expected a ( before this ), got \")\""},
           {"a|*", "position 2: expected something to repeat before a quantifier"},
           {"{2}", "position 0: expected something to repeat before a quantifier"},
           {"a**", "position 2: expected no second quantifier, got \"*\""},
           {"a{2", "position 3: expected a } to end the counts"},
           {"a{x}", "position 2: expected a count of repetitions (\\{ is the symbol), got \"x\""},
           {"a{,3}", "position 2: expected a count of repetitions"},
           {"a{3,2}", "position 5: expected a second count of at least 3 before it"},
           {"a{99999999999999999999}", "position 6: expected a count of at most 50000"},
           {"[ab", "position 3: expected a ] to end the class, got the end"},
           {"[b-a]", "position 3: expected a character that ends the range"},
           {"[a-\\d]", "position 3: expected a character that ends the range"},
           {"[\\d-a]", "position 3: expected no - after a class"},
           {"a\\", "position 2: expected one of the escapes"},
           {"\\xg0", "position 2: expected 2 hexadecimal digits, got \"g\""},
           {"\\u12", "position 2: expected 4 hexadecimal digits"},
           {"\\u{}", "position 2: expected {, one to six hexadecimal digits and }"},
           {"\\u{1234567}", "position 2: expected {, one to six hexadecimal digits and }"},
           {"\\ud800", "position 1: expected a character up to U+10FFFF that is no surrogate"},
           {"\\u{110000}", "position 1: expected a character up to U+10FFFF"},
           {"a\xFF", "position 1: expected UTF-8, got a broken sequence"},
           {"a[^\\d\\D]",
            "pattern: expected one that some text matches, got \"a[^\\\\d\\\\D]\""}}) {
    const auto automaton = CompileRegex(pattern);
    ASSERT_FALSE(automaton.has_value()) << pattern;
    EXPECT_EQ(automaton.error().code, ErrorCode::kInvalidArgument) << pattern;
    EXPECT_EQ(automaton.error().message.substr(0, 8 + message.size()), "[regex] " + message);
  }
}

TEST(Regex, RefusesPatternsThatGrowTooLarge) {
  EXPECT_EQ(ErrorOf("(a{1000}){1000}"),
            "[regex] position 14: expected an automaton of at most 50000 nodes and edges, got "
            "5004001");
  EXPECT_EQ(ErrorOf("((((((){1000}){1000}){1000}){1000}){1000}){1000}").substr(0, 59),
            "[regex] position 19: expected an automaton of at most 50000");
  EXPECT_EQ(ErrorOf(std::string(100'000, 'a')),
            "[regex] pattern: expected at most 65536 bytes, got 100000");
  const std::string deep(30'000, '(');
  EXPECT_EQ(ErrorOf(deep), "[regex] position 251: expected groups at most 250 deep, got \"(\"");
  EXPECT_EQ(ErrorOf(std::string(250, '(') + "a" + std::string(250, ')')), "no error");
  std::string stars = "a*";
  for (int i = 0; i < 200; ++i) stars = "(" + stars + ")*";
  EXPECT_EQ(ErrorOf(stars), "no error");
}

TEST(Regex, MatchesNestedRepetitionsInLinearTime) {
  // The patterns that make a backtracking matcher try for ever.
  for (const std::string pattern : {"(a*)*b", "(a|a)*b", "(a|aa)+b", "((a?){50}){50}b"}) {
    LazyDfa dfa = Compile(pattern);
    EXPECT_FALSE(Matches(dfa, std::string(2000, 'a'))) << pattern;
    EXPECT_TRUE(Matches(dfa, std::string(2000, 'a') + "b")) << pattern;
  }
}

TEST(Regex, FindsTheSameStatesAgainAfterAReset) {
  // The automaton of the last 12 characters has 2^12 states, most of which do not fit.
  const auto automaton = CompileRegex("(a|b)*a(a|b){11}");
  LazyDfa small(*automaton, size_t{16} << 10);
  LazyDfa large(*automaton, kMemory);
  Random random(4);
  int32_t state = small.Start();
  int32_t expected = large.Start();
  for (int i = 0; i < 20'000; ++i) {
    if (small.full()) {
      const LazyDfa::StatePointer kept = small.state(state);
      small.Reset({&state, 1});
      ASSERT_EQ(small.Find(kept), state);
    }
    const auto byte = static_cast<uint8_t>(random.Int('a', 'b'));
    state = small.Next(state, byte);
    expected = large.Next(expected, byte);
    ASSERT_EQ(*small.state(state), *large.state(expected));
    ASSERT_EQ(small.Accepts(state), large.Accepts(expected));
  }
  EXPECT_GT(small.generation(), 10);
  EXPECT_EQ(large.generation(), 0);
}

}  // namespace
}  // namespace fairlead
