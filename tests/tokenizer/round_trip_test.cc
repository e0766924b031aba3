// Random texts: whatever goes in comes out, in both forms of the tokenizer.
#include <gtest/gtest.h>

#include <random>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

// Alphabets that meet in one text; the last two are drawn from instead of listed.
const std::vector<std::vector<std::string>> kAlphabets = {
    {"a", "b", "e", "s", "t", "the", "ing", "ſ"},
    {"A", "B", "Z", "É", "Σ", "ǅ"},
    {"0", "1", "9", "٣", "½", "²"},
    {" ", "  ", "\t", "\n", "\r", "\r\n", "\u0085", "\u00a0", "\u3000", "\u2028", "\u200b",
     "\u180e"},
    {"'s", "'S", "'ll", "'", "’", "'ſ"},
    {"!", "?", "/", "//", "--", "...", "<|", "|>", "<|end|>", "<|start|>", "{", "\""},
    {"\u0301", "\u200d", "\ufe0f", "\u20e3", "\u093f"},
    {"中", "あ", "한", "א", "ع", "ก", "ऋ"},
    {"🙂", "👨", "🏽", "🇩", "🇪"},
};

// A scalar value from one of the planes, assigned or not.
std::string RandomCharacter(std::mt19937& random) {
  uint32_t code = random() % (random() % 2 == 0 ? 0x3000 : 0x110000);
  if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
  std::string text;
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    text += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
  }
  return text + static_cast<char>(0x80 | (code & 0x3F));
}

std::string RandomText(std::mt19937& random) {
  const auto& first = kAlphabets[random() % kAlphabets.size()];
  const auto& second = kAlphabets[random() % kAlphabets.size()];
  std::string text;
  for (size_t length = random() % 40; length > 0; --length) {
    const uint32_t choice = random() % 8;
    const auto& alphabet = choice < 4 ? first : second;
    text += choice == 7 ? RandomCharacter(random) : alphabet[random() % alphabet.size()];
  }
  return text;
}

class RoundTrip : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Vocabularies, RoundTrip, ::testing::Values("o200k", "tiny"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(RoundTrip, DecodingWhatWasEncodedGivesTheText) {
  const auto tokenizer = Vocabulary(GetParam());
  std::mt19937 random(20260402);
  for (int i = 0; i < 8000; ++i) {
    const std::string text = RandomText(random);
    for (const bool parse_special : {false, true}) {
      const auto ids = tokenizer->Encode(text, parse_special);
      ASSERT_TRUE(ids.has_value()) << ids.error().message;
      ASSERT_EQ(tokenizer->Decode(*ids).value(), text);
    }
  }
}

TEST_P(RoundTrip, OrdinaryTextNeverBecomesASpecialToken) {
  const auto tokenizer = Vocabulary(GetParam());
  const int32_t end = tokenizer->SpecialId("<|end|>").value();
  const auto plain = tokenizer->Encode("<|start|>a<|end|>", false).value();
  EXPECT_EQ(std::ranges::count(plain, end), 0);
  const auto parsed = tokenizer->Encode("<|start|>a<|end|>", true).value();
  EXPECT_EQ(parsed.back(), end);
  EXPECT_EQ(parsed.size(), 3u);
}

}  // namespace
}  // namespace fairlead::testing
