// Long pieces: merging must not take quadratic time, and matching must not run out of stack.
#include <gtest/gtest.h>

#include <ctime>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

// The processor's time, not the clock's: other work on the machine must not fail a test.
double SecondsToEncode(const Tokenizer& tokenizer, const std::string& text) {
  const std::clock_t start = std::clock();
  const auto ids = tokenizer.Encode(text, true);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_TRUE(ids.has_value()) << ids.error().message;
  EXPECT_EQ(tokenizer.Decode(*ids).value(), text);
  return seconds;
}

std::string RunOf(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

const std::vector<std::string> kUnits = {"a",  "A",  "é",    "中",     "1",    "!",   " ",
                                         "\t", "\n", "\r\n", "\u00a0", "🙂", "aB",  "\u0301",
                                         "<",  "ab", "Ab ",  "<|end|", "'s",   " \n", "/\n"};

// The limits leave room for sanitizers and slow machines; merging in quadratic time would take a
// second for the first test and hours for the other.
TEST(LongPieces, FiveThousandEqualCharactersTakeMilliseconds) {
  for (const char* name : {"o200k", "tiny"}) {
    for (const std::string& unit : kUnits) {
      EXPECT_LT(SecondsToEncode(*Vocabulary(name), RunOf(unit, 5000)), 0.05) << name << unit;
    }
  }
}

TEST(LongPieces, AMegabyteOfOneCharacterTakesSeconds) {
  for (const char* unit : {"a", " ", "!", "🙂"}) {
    EXPECT_LT(SecondsToEncode(*Vocabulary("o200k"), RunOf(unit, 1 << 20)), 20.0) << unit;
  }
}

TEST(Bpe, MergesTheLowestRankFirstAndThenTheLeftmost) {
  Json file = SmallTokenizer();
  const auto encode = [&](std::string_view text) {
    return Tokenizer::FromJsonText(file.dump(), "small").value()->Encode(text, false).value();
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(encode("abc"), Ids({257}));
  EXPECT_EQ(encode("abbcabc"), Ids({256, 258, 257}));
  file["model"]["merges"] = Json::parse(R"([["b", "c"], ["a", "b"], ["ab", "c"]])");
  EXPECT_EQ(encode("abc"), Ids({'a', 258}));
  file["model"]["merges"] = Json::parse(R"(["b c", "a b"])");
  EXPECT_EQ(encode("abc"), Ids({'a', 258})) << "merges as strings";
}

TEST(Bpe, IgnoreMergesTakesAPieceThatIsATokenAsItIs) {
  Json file = SmallTokenizer();
  file["model"]["merges"] = Json::parse(R"([["b", "c"]])");
  file["model"]["ignore_merges"] = true;
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "small").value();
  EXPECT_EQ(tokenizer->Encode("abc", false).value(), std::vector<int32_t>({257}));
  EXPECT_EQ(tokenizer->Encode("abcc", false).value(), std::vector<int32_t>({'a', 258, 'c'}));
}

TEST(Specials, TheLeftmostAndThenTheLongestCounts) {
  Json file = SmallTokenizer();
  const auto add = [&](int id, const char* content) {
    file["added_tokens"].push_back({{"id", id}, {"content", content}, {"special", true}});
  };
  add(260, "<|end|>x");
  add(261, "d|");
  add(262, "<|end|>xyz");
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "small").value();
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->Encode("<|end|>", true).value(), Ids({259}));
  EXPECT_EQ(tokenizer->Encode("<|end|>xy", true).value(), Ids({260, 'y'}));
  EXPECT_EQ(tokenizer->Encode("<|end|>xyz", true).value(), Ids({262}));
  EXPECT_EQ(tokenizer->Encode("end|>", true).value(), Ids({'e', 'n', 261, '>'}));
}

// A file whose pairs all hash to one place would make the table quadratic to build and to search.
TEST(MergeTable, PairsMadeToCollideAreRefused) {
  std::vector<MergeRule> slots(1024);
  const auto place = [&](const MergeRule& rule) {
    EXPECT_EQ(InsertMerge(rule, slots), Inserted::kNew);
    const auto slot = std::ranges::find(slots, rule.right, &MergeRule::right);
    const auto index = slot - slots.begin();
    *slot = MergeRule();
    return index;
  };
  std::vector<MergeRule> colliding;
  for (uint32_t right = 0; colliding.size() < 600; ++right) {
    const MergeRule rule{1, right, 0, 2};
    if (place(rule) == 0) colliding.push_back(rule);
  }
  size_t accepted = 0;
  while (InsertMerge(colliding.at(accepted), slots) == Inserted::kNew) ++accepted;
  EXPECT_EQ(InsertMerge(colliding.at(accepted), slots), Inserted::kCrowded);
  EXPECT_EQ(InsertMerge(colliding.at(0), slots), Inserted::kDuplicate);
  EXPECT_GE(accepted, 256u);
}

TEST(Encode, TextThatIsNotUtf8IsRefusedWithItsOffset) {
  const auto tokenizer = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
  const std::vector<std::pair<std::string, int>> cases = {
      {"\xff", 0}, {"ab\xc3", 2}, {"é\xed\xa0\x80", 2}, {"\xf0\x9f\x99\x82\xf4\x90\x80\x80", 4}};
  for (const auto& [text, offset] : cases) {
    const auto ids = tokenizer->Encode(text, true);
    ASSERT_FALSE(ids.has_value());
    EXPECT_EQ(
        ids.error().message,
        fmt::format("[tokenizer] text: expected UTF-8, got a broken sequence at byte {}", offset));
  }
}

}  // namespace
}  // namespace fairlead::testing
