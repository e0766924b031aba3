#include "tokenizer/jsonl.h"

#include <gtest/gtest.h>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

class TokenizeLines : public ::testing::Test {
 protected:
  std::string Answer(std::string_view line) { return TokenizeLine(tokenizer_, line); }

  Tokenizer::Pointer tokenizer_ = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
};

TEST_F(TokenizeLines, TextGivesIds) {
  EXPECT_EQ(Answer(R"({"text": "abc a"})"), R"({"ids":[257,32,97]})");
  EXPECT_EQ(Answer(R"({"text": ""})"), R"({"ids":[]})");
  EXPECT_EQ(Answer(R"({"text": "<|end|>", "parse_special": true})"), R"({"ids":[259]})");
  EXPECT_EQ(Answer(R"({"text": "<|", "parse_special": false})"), R"({"ids":[60,124]})");
  EXPECT_EQ(Answer(R"({"text": "\u0000\ud83d\ude42"})"), R"({"ids":[0,240,159,153,130]})");
}

TEST_F(TokenizeLines, IdsGiveText) {
  EXPECT_EQ(Answer(R"({"ids": [257, 259, 195, 169]})"), R"({"text":"abc<|end|>é"})");
  EXPECT_EQ(Answer(R"({"ids": [226, 130]})"), "{\"text\":\"\uFFFD\"}");
  EXPECT_EQ(Answer(R"({"ids": []})"), R"({"text":""})");
  EXPECT_EQ(Answer(R"({"ids": [97], "stream": false})"), R"({"text":"a"})");
}

TEST_F(TokenizeLines, StreamGivesAChunkPerTokenAndTheTail) {
  EXPECT_EQ(Answer(R"({"ids": [97, 195, 169, 226], "stream": true})"),
            "{\"chunks\":[\"a\",\"\",\"é\",\"\"],\"tail\":\"\uFFFD\"}");
  EXPECT_EQ(Answer(R"({"ids": [], "stream": true})"), R"({"chunks":[],"tail":""})");
}

TEST_F(TokenizeLines, MalformedLinesGiveAnError) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "[tokenize] line: invalid JSON at byte 1"},
      {"[1]", "[tokenize] line: expected an object, got array"},
      {"{}", "[tokenize] line: expected text or ids, got neither"},
      {R"({"text": 5})", "[tokenize] line: text: expected a string, got number"},
      {R"({"text": "a", "ids": [1]})",
       "[tokenize] line: expected only text and parse_special, got \"ids\""},
      {R"({"text": "a", "text": "b"})", "[tokenize] line: duplicate key \"text\""},
      {R"({"text": "a", "parse_special": 1})",
       "[tokenize] line: parse_special: expected true or false, got number"},
      {R"({"ids": "1"})", "[tokenize] line: ids: expected an array, got string"},
      {R"({"ids": [1, "2"]})", "[tokenize] line: ids[1]: expected a token id, got string"},
      {R"({"ids": [1.5]})", "[tokenize] line: ids[0]: expected a token id, got 1.5"},
      {R"({"ids": [-1]})", "[tokenize] line: ids[0]: expected a token id, got -1"},
      {R"({"ids": [4294967296]})", "[tokenize] line: ids[0]: expected a token id, got 4294967296"},
      {R"({"ids": [18446744073709551615]})",
       "[tokenize] line: ids[0]: expected a token id, got 18446744073709551615"},
      {R"({"ids": [260]})", "[tokenizer] id 260: expected an id of the vocabulary (0 to 259)"},
      {R"({"ids": [260], "stream": true})",
       "[tokenizer] id 260: expected an id of the vocabulary (0 to 259)"},
      {R"({"ids": [1], "parse_special": true})",
       "[tokenize] line: expected only ids and stream, got \"parse_special\""},
  };
  for (const auto& [line, message] : cases) {
    EXPECT_EQ(Answer(line), (Json{{"error", message}}.dump())) << line;
  }
  EXPECT_EQ(Answer("{\"text\": \"\xff\"}"),
            R"({"error":"[tokenize] line: invalid JSON at byte 11"})");
}

}  // namespace
}  // namespace fairlead::testing
