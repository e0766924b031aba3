// Stop strings against a search over the whole text, for random texts, strings and splits.
#include "runtime/text_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace fairlead {
namespace {

using Strings = std::vector<std::string>;

struct Answer {
  std::string text;
  std::optional<std::string> stop;
};

// The documented rule, found anew over the whole text after each piece.
Answer PlainSearch(const Strings& pieces, const Strings& stops) {
  Answer answer;
  for (const std::string& piece : pieces) {
    answer.text += piece;
    size_t first = std::string::npos;
    for (const std::string& stop : stops) {
      const size_t begin = answer.text.find(stop);
      if (begin == std::string::npos) continue;
      if (begin < first || (begin == first && stop.size() < answer.stop->size())) {
        first = begin;
        answer.stop = stop;
      }
    }
    if (answer.stop) {
      answer.text.resize(first);
      break;
    }
  }
  return answer;
}

// How much of the end of `text` begins a stop string.
size_t Undecided(std::string_view text, const Strings& stops) {
  size_t longest = 0;
  for (const std::string_view stop : stops) {
    for (size_t n = std::min(stop.size() - 1, text.size()); n > longest; --n) {
      if (text.ends_with(stop.substr(0, n))) longest = n;
    }
  }
  return longest;
}

// What the matcher says; after every piece exactly what is decided must be out.
Answer Match(const Strings& pieces, const Strings& stops) {
  StopMatcher matcher(stops);
  Answer answer;
  std::string pushed;
  for (const std::string& piece : pieces) {
    answer.text += matcher.Push(piece);
    pushed += piece;
    if (matcher.found()) break;
    EXPECT_EQ(answer.text, pushed.substr(0, pushed.size() - Undecided(pushed, stops)));
  }
  const std::string rest = matcher.Flush();
  EXPECT_TRUE(!matcher.found() || rest.empty()) << rest;
  EXPECT_EQ(matcher.Flush(), "") << "given out once";
  answer.text += rest;
  answer.stop = matcher.found();
  return answer;
}

std::string RandomText(std::mt19937& random, size_t longest, size_t letters) {
  std::string text(random() % (longest + 1), ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random() % letters);
  return text;
}

Strings RandomSplit(std::mt19937& random, const std::string& text, size_t longest) {
  Strings pieces;
  for (size_t begin = 0; begin < text.size();) {
    pieces.push_back(text.substr(begin, random() % (longest + 1)));  // empty pieces, too
    begin += pieces.back().size();
  }
  return pieces;
}

// All pieces that 2^(size - 1) sets of cuts make of the text.
std::vector<Strings> EverySplit(const std::string& text) {
  std::vector<Strings> splits;
  for (uint32_t cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {
    Strings pieces(1);
    for (size_t i = 0; i < text.size(); ++i) {
      pieces.back() += text[i];
      if ((cuts >> i & 1) != 0) pieces.emplace_back();
    }
    splits.push_back(std::move(pieces));
  }
  return splits;
}

void ExpectSame(const Strings& pieces, const Strings& stops) {
  const Answer expected = PlainSearch(pieces, stops);
  const Answer found = Match(pieces, stops);
  ASSERT_EQ(found.text, expected.text)
      << fmt::format("pieces {} stops {}", fmt::join(pieces, "|"), fmt::join(stops, "|"));
  ASSERT_EQ(found.stop, expected.stop)
      << fmt::format("pieces {} stops {}", fmt::join(pieces, "|"), fmt::join(stops, "|"));
}

TEST(StopMatcher, FindsWhatASearchOverTheWholeTextFinds) {
  std::mt19937 random(11);
  int stopped = 0;
  for (int round = 0; round < 20000; ++round) {
    const size_t letters = 1 + random() % 4;
    Strings stops;
    for (size_t i = 0; i < random() % 6; ++i) {
      stops.push_back(RandomText(random, 7, letters));
      stops.back() += static_cast<char>('a' + random() % letters);
    }
    const Strings pieces = RandomSplit(random, RandomText(random, 40, letters), 1 + random() % 8);
    ExpectSame(pieces, stops);
    if (HasFailure()) return;
    stopped += PlainSearch(pieces, stops).stop.has_value() ? 1 : 0;
  }
  EXPECT_GT(stopped, 5000);
  EXPECT_LT(stopped, 17000);
}

TEST(StopMatcher, FindsTheSameForEverySplitOfATextWithOneStopString) {
  for (const auto& [text, stop, before] : {std::tuple{"aaab", "aab", "a"},
                                           {"aabaabaaab", "aabaaab", "aab"},
                                           {"xabababc", "ababc", "xab"},
                                           {"naïve ïï", "ïï", "naïve "},
                                           {"aaaa", "aaaaa", "aaaa"},
                                           {"stop", "stop", ""}}) {
    for (const Strings& pieces : EverySplit(text)) {
      ExpectSame(pieces, {stop});
      EXPECT_EQ(Match(pieces, {stop}).text, before);
    }
  }
}

TEST(StopMatcher, TheFirstToBeginCountsAndThenTheShortest) {
  const auto expect = [](const Strings& pieces, const Strings& stops, std::string_view text,
                         std::string_view stop) {
    const Answer answer = Match(pieces, stops);
    EXPECT_EQ(answer.text, text);
    EXPECT_EQ(answer.stop, stop);
  };
  expect({"xabcd"}, {"bc", "abcd"}, "x", "abcd");
  expect({"xabcd"}, {"abcd", "ab", "abc"}, "x", "ab");
  expect({"xabc", "d"}, {"bc", "abcd"}, "xa", "bc");  // the longer one was not complete in time
  expect({"xabc"}, {"c", "bc", "abc"}, "x", "abc");
  expect({"1 ", "2 ", "3"}, {"3", "2 3"}, "1 ", "2 3");
}

TEST(StopMatcher, WithoutStopStringsEverythingPassesAtOnce) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Push("a\0b"), "a\0b");
  EXPECT_EQ(matcher.Push(""), "");
  EXPECT_EQ(matcher.Push("naïve"), "naïve");
  EXPECT_EQ(matcher.Flush(), "");
  EXPECT_EQ(matcher.found(), std::nullopt);
}

TEST(StopMatcher, ManyAndLongStopStringsCostNoMoreThanTheirText) {
  // Work of text times stop strings or of text times their length would be 10^11 steps and more.
  constexpr size_t kLong = 200000;
  Strings stops = {std::string(kLong, 'a') + "b"};
  for (size_t i = 0; i < 50000; ++i) stops.push_back(fmt::format("a{:05}", i));
  StopMatcher matcher(stops);
  size_t shown = 0;
  for (size_t i = 0; i < 2 * kLong; ++i) shown += matcher.Push("a").size();
  EXPECT_EQ(shown, kLong);
  shown += matcher.Push("01234").size();
  EXPECT_EQ(shown, 2 * kLong - 1);
  EXPECT_EQ(matcher.found(), "a01234");
}

// The tokens of the demo model's tokenizer whose texts are the single bytes of `text`.
class TextStreamTest : public ::testing::Test {
 protected:
  std::vector<int32_t> Bytes(std::string_view text) const {
    std::vector<int32_t> ids;
    for (const char byte : text) {
      for (int32_t id = 0; id < tokenizer_->vocabulary_size(); ++id) {
        if (tokenizer_->TokenBytes(id) == std::string_view(&byte, 1)) ids.push_back(id);
      }
    }
    EXPECT_EQ(ids.size(), text.size()) << "a token for every byte";
    return ids;
  }

  // The texts of all pushes joined, then "|" and that of Finish.
  std::string Shown(TextStream& stream, const std::vector<int32_t>& ids) const {
    std::string text;
    for (const int32_t id : ids) {
      if (!stream.stop_string()) text += stream.Push(id);
    }
    return text + "|" + stream.Finish();
  }

  TextStream Stream(Strings stops) const { return {tokenizer_, std::move(stops)}; }

  Tokenizer::Pointer tokenizer_ =
      Tokenizer::FromJson(FAIRLEAD_MODELS "/tiny-gpt-oss/tokenizer.json").value();
};

TEST_F(TextStreamTest, HoldsCharactersAndStopStringsBackUntilTheyAreDecided) {
  TextStream stream = Stream({"€!"});
  std::vector<std::string> shown;
  for (const int32_t id : Bytes("a€ €!")) shown.push_back(stream.Push(id));
  EXPECT_EQ(shown, (Strings{"a", "", "", "", "€ ", "", "", "", ""}));
  EXPECT_EQ(stream.stop_string(), "€!");
  EXPECT_EQ(stream.Finish(), "");
}

TEST_F(TextStreamTest, TheEndGivesOutWhatCouldHaveBecomeAStopString) {
  TextStream stream = Stream({"stop it"});
  EXPECT_EQ(Shown(stream, Bytes("now stop")), "now |stop");
  EXPECT_EQ(stream.stop_string(), std::nullopt);
}

TEST_F(TextStreamTest, ACharacterCutShortMayCompleteAStopStringAtTheEnd) {
  TextStream stream = Stream({"a\uFFFD"});
  EXPECT_EQ(Shown(stream, Bytes("xa\xE2\x82")), "x|");
  EXPECT_EQ(stream.stop_string(), "a\uFFFD");
  TextStream without = Stream({"b\uFFFD"});
  EXPECT_EQ(Shown(without, Bytes("xa\xE2\x82")), "xa|\uFFFD");
}

TEST_F(TextStreamTest, NothingFollowsAStopStringNotEvenACharacterCutShort) {
  // A token that ends with the beginning of a character: "." and the byte E2, as the file spells
  // it.
  const std::string path = FAIRLEAD_MODELS "/tiny-gpt-oss/tokenizer.json";
  Json json = Json::parse(ReadFile(path, "test", size_t{1} << 20).value());
  const int32_t dot_e2 = tokenizer_->vocabulary_size();
  json["model"]["vocab"][".â"] = dot_e2;
  json["model"]["merges"].push_back({".", "â"});
  tokenizer_ = Tokenizer::FromJsonText(json.dump(), "test").value();
  TextStream stream = Stream({"."});
  EXPECT_EQ(Shown(stream, {Bytes("a")[0], dot_e2}), "a|");
  EXPECT_EQ(stream.Finish(), "");
}

TEST_F(TextStreamTest, NamesOfSpecialTokensAreTextAndMayBeStopStrings) {
  const int32_t end = tokenizer_->SpecialId("<|end|>").value();
  TextStream plain = Stream({});
  EXPECT_EQ(Shown(plain, {end}), "<|end|>|");
  TextStream stream = Stream({"x<|end|>"});
  EXPECT_EQ(Shown(stream, {Bytes("a")[0], Bytes("x")[0], end}), "a|");
  EXPECT_EQ(stream.stop_string(), "x<|end|>");
}

TEST_F(TextStreamTest, AnIdWithoutTextIsShownAsAReplacementCharacter) {
  TextStream stream = Stream({"\uFFFD!"});
  std::vector<int32_t> ids = Bytes("a\xE2\x82");
  ids.push_back(tokenizer_->vocabulary_size() + 5);
  EXPECT_EQ(Shown(stream, ids), "a\uFFFD|\uFFFD");
  ids.push_back(Bytes("!")[0]);
  TextStream stopped = Stream({"\uFFFD!"});
  EXPECT_EQ(Shown(stopped, ids), "a\uFFFD|");
  EXPECT_EQ(stopped.stop_string(), "\uFFFD!");
}

TEST_F(TextStreamTest, WithoutAStopStringTheTextIsDecode) {
  std::mt19937 random(12);
  for (int round = 0; round < 300; ++round) {
    std::vector<int32_t> ids(random() % 30);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 300);
    TextStream stream = Stream({"never in this text", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD!"});
    std::string text = Shown(stream, ids);
    text.erase(text.rfind('|'), 1);
    ASSERT_EQ(stream.stop_string(), std::nullopt);
    EXPECT_EQ(text, tokenizer_->Decode(ids).value());
  }
}

}  // namespace
}  // namespace fairlead
