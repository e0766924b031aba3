// Every answer of Hugging Face's tokenizers in tests/data/tokenizer (made by
// tools/goldens_tokenizer).
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

class TokenizerGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { tokenizer_ = Vocabulary(GetParam()); }
  std::string File(std::string_view kind) const {
    return fmt::format(fmt::runtime(kind), GetParam());
  }

  Tokenizer::Pointer tokenizer_;
};

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerGoldens, ::testing::Values("o200k", "tiny"),
                         [](const auto& info) { return std::string(info.param); });

std::string Repeat(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST_P(TokenizerGoldens, AreOfThisVocabulary) {
  const Json golden = ReadGoldens(File("tokens_{}.json")).at(0);
  const auto json = ReadFile(VocabularyPath(GetParam()), "test", size_t{64} << 20);
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ(Fnv1a(*json), golden["file_fnv1a"])
      << "tokenizer.json changed: run tools/goldens_tokenizer/make_goldens.py";
  EXPECT_EQ(tokenizer_->vocabulary_size(), golden["vocabulary_size"]);
}

TEST_P(TokenizerGoldens, EncodeGivesTheSameIds) {
  const auto goldens = ReadGoldens(File("encode_{}.jsonl"));
  ASSERT_GT(goldens.size(), 1000u);
  for (const Json& golden : goldens) {
    const std::string text = Repeat(golden["text"], golden.value("times", 1));
    const auto ids = tokenizer_->Encode(text, golden["parse_special"]);
    ASSERT_TRUE(ids.has_value()) << golden << ids.error().message;
    EXPECT_EQ(Json(*ids), golden["ids"]) << golden;
    EXPECT_EQ(tokenizer_->Decode(*ids).value(), text);
  }
}

TEST_P(TokenizerGoldens, DecodeGivesTheSameText) {
  const auto goldens = ReadGoldens(File("decode_{}.jsonl"));
  ASSERT_GT(goldens.size(), 400u);
  for (const Json& golden : goldens) {
    const auto text = tokenizer_->Decode(golden["ids"].get<std::vector<int32_t>>());
    ASSERT_TRUE(text.has_value()) << golden << text.error().message;
    EXPECT_EQ(*text, golden["text"].get<std::string>()) << golden["ids"];
  }
}

TEST_P(TokenizerGoldens, EveryIdHasTheSameBytesAndText) {
  const Json golden = ReadGoldens(File("tokens_{}.json")).at(0);
  const int32_t block = golden["block"];
  for (int32_t begin = 0; begin < tokenizer_->vocabulary_size(); begin += block) {
    std::string bytes;
    std::string texts;
    for (int32_t id = begin; id < std::min(begin + block, tokenizer_->vocabulary_size()); ++id) {
      bytes.append(tokenizer_->TokenBytes(id).value()).push_back('\0');
      texts.append(tokenizer_->Decode({&id, 1}).value()).push_back('\0');
    }
    EXPECT_EQ(Fnv1a(bytes), golden["bytes"].at(begin / block)) << "ids from " << begin;
    EXPECT_EQ(Fnv1a(texts), golden["texts"].at(begin / block)) << "ids from " << begin;
  }
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
  }
  if (code >= 0x80) out += static_cast<char>(0x80 | (code & 0x3F));
}

// The lengths of the pieces of a text with the character beside others of every kind.
std::string PiecesAround(const SplitPattern& pattern, uint32_t code) {
  std::string character;
  AppendUtf8(code, character);
  const std::string text = fmt::format("x{0}X {0}1{0}! {0}\n{0}{0}'s", character);
  std::vector<size_t> lengths;
  const auto status =
      pattern.Split(text, [&](std::string_view piece) { lengths.push_back(piece.size()); });
  EXPECT_TRUE(status.has_value()) << status.error().message;
  return fmt::format("{};", fmt::join(lengths, ","));
}

TEST(TokenizerPattern, SplitsAroundEveryCharacterOfUnicodeTheSame) {
  const Json file = ReadJsonFile(VocabularyPath("tiny"), "test").value();
  const std::string source = file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  const auto pattern = SplitPattern::Compile(source, "test");
  ASSERT_TRUE(pattern.has_value()) << pattern.error().message;
  const auto goldens = ReadGoldens("characters.jsonl");
  ASSERT_GT(goldens.size(), 500u);
  for (const Json& golden : goldens) {
    std::string pieces;
    for (const Json& run : golden["runs"]) {
      for (uint32_t code = run[0]; code <= run[1]; ++code) pieces += PiecesAround(*pattern, code);
    }
    EXPECT_EQ(Fnv1a(pieces), golden["pieces"]) << golden["runs"];
  }
}

TEST(TokenizerMerges, InAnyOrderGiveTheSameIds) {
  for (const Json& golden : ReadGoldens("merges.jsonl")) {
    Json file = SmallTokenizer();
    Json& vocabulary = file["model"]["vocab"];
    for (const char* token : {"ab", "abc", "bc"}) vocabulary.erase(token);
    int id = 256;
    for (const std::string token : golden["tokens"]) vocabulary[token] = id++;
    file["added_tokens"][0]["id"] = id;
    file["model"]["merges"] = golden["merges"];
    file["model"]["ignore_merges"] = golden["ignore_merges"];
    const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "merges");
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    for (const auto& [text, ids] : golden["texts"].items()) {
      EXPECT_EQ(Json((*tokenizer)->Encode(text, false).value()), ids) << text << golden;
    }
  }
}

TEST(TokenizerO200k, KnowsHarmonysSpecialTokens) {
  const auto tokenizer = Vocabulary("o200k");
  EXPECT_EQ(tokenizer->SpecialId("<|return|>"), 200002);
  EXPECT_EQ(tokenizer->SpecialId("<|start|>"), 200006);
  EXPECT_EQ(tokenizer->SpecialId("<|endofprompt|>"), 200018);
  EXPECT_EQ(tokenizer->SpecialId("<|start|"), std::nullopt);
  EXPECT_EQ(tokenizer->SpecialId("<|start|>x"), std::nullopt);
  EXPECT_EQ(tokenizer->SpecialId("the"), std::nullopt);
  EXPECT_EQ(tokenizer->SpecialId(""), std::nullopt);
}

}  // namespace
}  // namespace fairlead::testing
