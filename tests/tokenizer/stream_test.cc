#include <gtest/gtest.h>

#include "tests/tokenizer/vocabularies.h"
#include "tokenizer/utf8.h"

namespace fairlead::testing {
namespace {

// Ids of single bytes in the small tokenizer are the bytes themselves.
class StreamOfBytes : public ::testing::Test {
 protected:
  std::string Push(int32_t id) { return decoder_.Push(id).value(); }

  Tokenizer::Pointer tokenizer_ = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
  StreamDecoder decoder_{tokenizer_};
};

TEST_F(StreamOfBytes, HoldsACharacterBackUntilItIsWhole) {
  EXPECT_EQ(Push(0xF0), "");
  EXPECT_EQ(Push(0x9F), "");
  EXPECT_EQ(Push(0x99), "");
  EXPECT_EQ(Push(0x82), "🙂");
  EXPECT_EQ(decoder_.Flush(), "");
}

TEST_F(StreamOfBytes, ReplacesABrokenCharacterAsSoonAsItIsBroken) {
  EXPECT_EQ(Push(0xE2), "");
  EXPECT_EQ(Push(0x82), "");
  EXPECT_EQ(Push('a'), "\uFFFDa");
  EXPECT_EQ(Push(0xED), "");
  EXPECT_EQ(Push(0xA0), "\uFFFD\uFFFD");  // a surrogate: no continuation can save it
  EXPECT_EQ(Push(0x80), "\uFFFD");
}

TEST_F(StreamOfBytes, FlushReplacesWhatIsCutShortAndStartsOver) {
  EXPECT_EQ(Push(0xE2), "");
  EXPECT_EQ(Push(0x82), "");
  EXPECT_EQ(decoder_.Flush(), "\uFFFD");
  EXPECT_EQ(Push(0xAC), "\uFFFD");
  EXPECT_EQ(decoder_.Flush(), "");
}

TEST_F(StreamOfBytes, ASpecialTokenEndsAHeldCharacter) {
  EXPECT_EQ(Push(0xC3), "");
  EXPECT_EQ(Push(259), "\uFFFD<|end|>");
}

TEST_F(StreamOfBytes, AnIdOutsideTheVocabularyIsRefusedAndChangesNothing) {
  EXPECT_EQ(Push(0xC3), "");
  for (const int32_t id :
       {260, -1, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
    const auto text = decoder_.Push(id);
    ASSERT_FALSE(text.has_value());
    EXPECT_EQ(text.error().message,
              fmt::format("[tokenizer] id {}: expected an id of the vocabulary (0 to 259)", id));
  }
  EXPECT_EQ(Push(0xA9), "é");
}

TEST(Stream, ChunksAndTailAreTheWholeText) {
  for (const std::string name : {"o200k", "tiny"}) {
    const auto tokenizer = Vocabulary(name);
    for (const Json& golden : ReadGoldens("decode_" + name + ".jsonl")) {
      StreamDecoder decoder(tokenizer);
      std::string text;
      for (const int32_t id : golden["ids"]) {
        const std::string chunk = decoder.Push(id).value();
        EXPECT_EQ(FindInvalidUtf8(chunk), std::nullopt);
        text += chunk;
      }
      EXPECT_EQ(text + decoder.Flush(), golden["text"].get<std::string>()) << golden["ids"];
    }
  }
}

}  // namespace
}  // namespace fairlead::testing
