#include <gtest/gtest.h>

#include "tokenizer/split_pattern.h"

namespace fairlead {
namespace {

std::vector<std::string> Split(std::string_view pattern, std::string_view text) {
  std::vector<std::string> pieces;
  const auto compiled = SplitPattern::Compile(pattern, "test");
  if (!compiled) return {compiled.error().message};
  const auto status =
      compiled->Split(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  if (!status) pieces.push_back(status.error().message);
  return pieces;
}

using Pieces = std::vector<std::string>;

TEST(SplitPattern, KeepsMatchesAndWhatIsBetweenThem) {
  EXPECT_EQ(Split("b+", "abbcb"), Pieces({"a", "bb", "c", "b"}));
  EXPECT_EQ(Split("x", "abc"), Pieces({"abc"}));
  EXPECT_EQ(Split("x", ""), Pieces());
}

TEST(SplitPattern, WhiteSpaceIsUnicodesInsideAndOutsideOfClasses) {
  for (const char* space : {"\u0085", "\u00a0", "\u1680", "\u2028", "\u3000", "\v", " "}) {
    for (const char* pattern : {"\\s", "[\\s]", "[^\\S]", "[\\sx]"}) {
      EXPECT_EQ(Split(pattern, fmt::format("a{}a", space)), Pieces({"a", space, "a"})) << pattern;
    }
  }
  for (const char* other : {"\u180e", "\u200b", "\ufeff", "\x1c", "\x1f", "\u2060"}) {
    for (const char* pattern : {"\\S", "[\\S]", "[^\\s]"}) {
      EXPECT_EQ(Split(pattern, fmt::format(" {} ", other)), Pieces({" ", other, " "})) << pattern;
    }
  }
}

TEST(SplitPattern, AnEscapedBackslashBeforeSIsNoWhiteSpace) {
  EXPECT_EQ(Split("\\\\s", "a\\s "), Pieces({"a", "\\s", " "}));
}

TEST(SplitPattern, FoldsCaseByUnicode) {
  EXPECT_EQ(Split("(?i:'s|k)", "a'ſb\u212a"), Pieces({"a", "'ſ", "b", "\u212a"}));
}

TEST(SplitPattern, RefusesWhatTheLibrariesReadDifferently) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\\h", "expected one of the escapes \\s \\S \\r \\n \\t \\p \\P at byte 1"},
      {"\\Qa\\E", "expected one of the escapes \\s \\S \\r \\n \\t \\p \\P at byte 0"},
      {"(a)\\1", "expected one of the escapes \\s \\S \\r \\n \\t \\p \\P at byte 3"},
      {"a\\", "expected one of the escapes \\s \\S \\r \\n \\t \\p \\P at byte 1"},
      {"[a[b]]", "expected a class without nested classes at byte 2"},
      {"[[:alpha:]]", "expected a class without nested classes at byte 1"},
      {"[a&&b]", "expected a class without nested classes at byte 2"},
      {"[]a]", "expected a class with members at byte 0"},
      {"[^]a]", "expected a class with members at byte 0"},
      {"^a", "expected no anchors at byte 0"},
      {"a$", "expected no anchors at byte 1"},
      {"(?R)a", "expected a plain group or a look-around at byte 0"},
      {"(*NO_JIT)a", "expected a plain group or a look-around at byte 0"},
      {"(?C1)a", "expected a plain group or a look-around at byte 0"},
      {"a{,3}b", "expected a plain quantifier at byte 1"},
      {"a{2}+", "expected a plain quantifier at byte 3"},
      {"a{2}?", "expected a plain quantifier at byte 3"},
      {"a*", "expected one that cannot match the empty string"},
      {"a|(?=b)", "expected one that cannot match the empty string"},
      {"", "expected one that cannot match the empty string"},
      {"(a", "missing closing parenthesis"},
      {"\\p{Nonsense}a", "unknown property after \\P or \\p"},
      {"(?:a{1,60000}){1,60000}", "regular expression is too large"},
  };
  for (const auto& [pattern, message] : cases) {
    EXPECT_EQ(Split(pattern, "aaa"), Pieces({"[tokenizer] test: split pattern: " + message}))
        << pattern;
  }
  const auto long_pattern = SplitPattern::Compile(std::string(20000, 'a'), "test");
  ASSERT_FALSE(long_pattern.has_value());
  EXPECT_EQ(long_pattern.error().message,
            "[tokenizer] test: split pattern: expected at most 16384 bytes, got 20000");
}

TEST(SplitPattern, GivesUpOnAPatternThatBacktracksWithoutEnd) {
  const auto pieces = Split("(?:a|aa)+[bc]", std::string(64, 'a'));
  EXPECT_EQ(pieces, Pieces({"[tokenizer] split pattern: match limit exceeded at byte 0"}));
}

TEST(SplitPattern, LongMatchesWithDeepBacktrackingSucceed) {
  // Each turn of the group leaves a frame: far more than the small stack that JIT code starts with.
  const std::string text(200'000, 'a');
  EXPECT_EQ(Split("(?:a|b)+", text), Pieces({text}));
  const std::string more(1'000'000, 'a');
  EXPECT_EQ(Split("(?:a|b)+", more), Pieces({more}));
}

}  // namespace
}  // namespace fairlead
