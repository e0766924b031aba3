// What tokenizer.json may look like and still be read.
#include <gtest/gtest.h>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

TEST(TokenizerJson, IdsMayHaveHoles) {
  Json file = SmallTokenizer();
  file["added_tokens"][0]["id"] = 300;
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "holes").value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 301);
  EXPECT_EQ(tokenizer->TokenBytes(299), std::nullopt);
  EXPECT_EQ(tokenizer->TokenBytes(300), "<|end|>");
  const std::vector<int32_t> ids = {97, 299};
  const auto text = tokenizer->Decode(ids);
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().message,
            "[tokenizer] id 299: expected an id of the vocabulary (0 to 300)");
}

TEST(TokenizerJson, ASpecialTokenMayStandInTheVocabularyAsWell) {
  Json file = SmallTokenizer();
  file["model"]["vocab"]["<|end|>"] = 259;
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "both").value();
  EXPECT_EQ(tokenizer->SpecialId("<|end|>"), 259);
  EXPECT_EQ(tokenizer->Encode("<|end|>", false).value().size(), 7u);
}

TEST(TokenizerJson, NamesOutsideTheByteAlphabetAreFineForSpecialTokens) {
  Json file = SmallTokenizer();
  file["added_tokens"][0]["content"] = "<｜the end｜>";
  file["model"]["vocab"]["<｜the end｜>"] = 259;
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "wide").value();
  const auto ids = tokenizer->Encode("a<｜the end｜>", true).value();
  EXPECT_EQ(ids, std::vector<int32_t>({97, 259}));
  EXPECT_EQ(tokenizer->Decode(ids).value(), "a<｜the end｜>");
}

TEST(TokenizerJson, AByteLevelPostProcessorAndEmptyAffixesChangeNothing) {
  Json file = SmallTokenizer();
  file["post_processor"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
  file["model"]["continuing_subword_prefix"] = "";
  file["model"]["end_of_word_suffix"] = nullptr;
  file["model"]["dropout"] = nullptr;
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "noise");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->Encode("abc", true).value(), std::vector<int32_t>({257}));
}

TEST(TokenizerJson, NoAddedTokensIsNoError) {
  Json file = SmallTokenizer();
  file.erase("added_tokens");
  EXPECT_EQ(Tokenizer::FromJsonText(file.dump(), "none").value()->vocabulary_size(), 259);
}

}  // namespace
}  // namespace fairlead::testing
