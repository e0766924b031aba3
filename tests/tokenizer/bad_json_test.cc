// Files that must be refused, each with the line the user reads.
#include <gtest/gtest.h>

#include <functional>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

struct BadFile {
  const char* name;
  std::function<void(Json&)> change;
  std::string message;  // after "[tokenizer] bad.json: "
};

Json& Vocab(Json& file) { return file["model"]["vocab"]; }
Json& Step(Json& file, int index) { return file["pre_tokenizer"]["pretokenizers"][index]; }
Json& Added(Json& file) { return file["added_tokens"][0]; }

// NOLINTBEGIN: one line a case reads better than any other layout.
const std::vector<BadFile> kBadFiles = {
    {"NotAnObject", [](Json& f) { f = Json::array(); }, "file: expected an object, got an array"},
    {"Normalizer",
     [](Json& f) {
       f["normalizer"] = {{"type", "NFC"}};
     },
     "file.normalizer: expected null, got an object"},
    {"Truncation",
     [](Json& f) {
       f["truncation"] = {{"max_length", 5}};
     },
     "file.truncation: expected null, got an object"},
    {"Padding", [](Json& f) { f["padding"] = 1; }, "file.padding: expected null, got 1"},
    {"NoDecoder", [](Json& f) { f.erase("decoder"); },
     "file.decoder: expected an object, got nothing"},
    {"OtherDecoder", [](Json& f) { f["decoder"]["type"] = "Metaspace"; },
     "decoder.type: expected \"ByteLevel\", got \"Metaspace\""},
    {"DecoderTypeIsNumber", [](Json& f) { f["decoder"]["type"] = 3; },
     "decoder.type: expected a string, got 3"},
    {"PostProcessor",
     [](Json& f) {
       f["post_processor"] = {{"type", "TemplateProcessing"}};
     },
     "post_processor.type: expected \"ByteLevel\", got \"TemplateProcessing\""},
    {"NoModel", [](Json& f) { f.erase("model"); }, "file.model: expected an object, got nothing"},
    {"ModelIsString", [](Json& f) { f["model"] = "BPE"; },
     "model: expected an object, got \"BPE\""},
    {"OtherModel", [](Json& f) { f["model"]["type"] = "Unigram"; },
     "model.type: expected \"BPE\", got \"Unigram\""},
    {"ByteFallback", [](Json& f) { f["model"]["byte_fallback"] = true; },
     "model.byte_fallback: expected false, got true"},
    {"Dropout", [](Json& f) { f["model"]["dropout"] = 0.1; },
     "model.dropout: expected null, got 0.1"},
    {"UnknownToken", [](Json& f) { f["model"]["unk_token"] = "<unk>"; },
     "model.unk_token: expected null, got \"<unk>\""},
    {"SubwordPrefix", [](Json& f) { f["model"]["continuing_subword_prefix"] = "##"; },
     "model.continuing_subword_prefix: expected null, got \"##\""},
    {"WordSuffix", [](Json& f) { f["model"]["end_of_word_suffix"] = "</w>"; },
     "model.end_of_word_suffix: expected null, got \"</w>\""},
    {"IgnoreMergesIsNumber", [](Json& f) { f["model"]["ignore_merges"] = 1; },
     "model.ignore_merges: expected true or false, got 1"},
    {"NoPreTokenizer", [](Json& f) { f["pre_tokenizer"] = nullptr; },
     "pre_tokenizer: expected a Sequence of Split and ByteLevel, got nothing"},
    {"OtherPreTokenizer",
     [](Json& f) {
       f["pre_tokenizer"] = {{"type", "ByteLevel"}};
     },
     "pre_tokenizer.type: expected \"Sequence\", got \"ByteLevel\""},
    {"ThreeSteps", [](Json& f) { f["pre_tokenizer"]["pretokenizers"].push_back(Json::object()); },
     "pre_tokenizer.pretokenizers: expected Split and ByteLevel, got 3 steps"},
    {"StepsAreNoArray", [](Json& f) { f["pre_tokenizer"]["pretokenizers"] = "x"; },
     "pre_tokenizer.pretokenizers: expected an array, got \"x\""},
    {"StepIsNull", [](Json& f) { Step(f, 0) = nullptr; },
     "pre_tokenizer.pretokenizers[0]: expected an object, got null"},
    {"FirstStep", [](Json& f) { Step(f, 0)["type"] = "Digits"; },
     "pre_tokenizer.pretokenizers[0].type: expected \"Split\", got \"Digits\""},
    {"SecondStep", [](Json& f) { Step(f, 1)["type"] = "Metaspace"; },
     "pre_tokenizer.pretokenizers[1].type: expected \"ByteLevel\", got \"Metaspace\""},
    {"SplitInverted", [](Json& f) { Step(f, 0)["invert"] = true; },
     "pre_tokenizer.pretokenizers[0].invert: expected false, got true"},
    {"SplitRemoves", [](Json& f) { Step(f, 0)["behavior"] = "Removed"; },
     "pre_tokenizer.pretokenizers[0].behavior: expected \"Isolated\", got \"Removed\""},
    {"SplitByString",
     [](Json& f) {
       Step(f, 0)["pattern"] = {{"String", " "}};
     },
     "pattern.Regex: expected a string, got nothing"},
    {"SplitWithoutPattern", [](Json& f) { Step(f, 0).erase("pattern"); },
     "pre_tokenizer.pretokenizers[0].pattern: expected an object, got nothing"},
    {"BadPattern", [](Json& f) { Step(f, 0)["pattern"]["Regex"] = "(\\p{L}"; },
     "split pattern: missing closing parenthesis"},
    {"PrefixSpace", [](Json& f) { Step(f, 1)["add_prefix_space"] = true; },
     "pre_tokenizer.pretokenizers[1].add_prefix_space: expected false, got true"},
    {"SecondRegex", [](Json& f) { Step(f, 1).erase("use_regex"); },
     "pre_tokenizer.pretokenizers[1].use_regex: expected false, got nothing"},
    {"VocabIsArray", [](Json& f) { Vocab(f) = Json::array(); },
     "model.vocab: expected an object, got an array"},
    {"VocabEmpty",
     [](Json& f) {
       Vocab(f) = Json::object();
       f["model"]["merges"] = Json::array();
       f.erase("added_tokens");
     },
     "expected 1 to 1048576 tokens, got 0"},
    {"ByteMissing", [](Json& f) { Vocab(f).erase("z"); },
     "expected a token for every byte, got none for 0x7a"},
    {"IdNegative", [](Json& f) { Vocab(f)["ab"] = -1; },
     "token \"ab\": expected an id below 1048576, got -1"},
    {"IdHuge", [](Json& f) { Vocab(f)["ab"] = 1048576; },
     "token \"ab\": expected an id below 1048576, got 1048576"},
    {"IdIsFloat", [](Json& f) { Vocab(f)["ab"] = 256.5; },
     "token \"ab\": expected an id below 1048576, got 256.5"},
    {"IdIsString", [](Json& f) { Vocab(f)["ab"] = "256"; },
     "token \"ab\": expected an id below 1048576, got \"256\""},
    {"IdTwice", [](Json& f) { Vocab(f)["abc"] = 256; },
     "id 256: expected one token, got \"ab\" and \"abc\""},
    {"TokenEmpty", [](Json& f) { Vocab(f)[""] = 270; },
     "id 270: expected a token with text, got \"\""},
    {"TokenNotByteLevel", [](Json& f) { Vocab(f)["a b"] = 270; },
     "token \"a b\": expected characters of the byte-level alphabet only"},
    {"TokenWithNewLine", [](Json& f) { Vocab(f)["\n€"] = 270; },
     "token \"\\n\\u20ac\": expected characters of the byte-level alphabet only"},
    {"NoMerges", [](Json& f) { f["model"].erase("merges"); },
     "model.merges: expected an array, got nothing"},
    {"MergesAreObject", [](Json& f) { f["model"]["merges"] = Json::object(); },
     "model.merges: expected an array, got an object"},
    {"MergeOfThree",
     [](Json& f) {
       f["model"]["merges"][1] = {"a", "b", "c"};
     },
     "merge 1: expected two strings, got an array"},
    {"MergeOfNumbers",
     [](Json& f) {
       f["model"]["merges"][1] = {1, 2};
     },
     "merge 1: expected two strings, got an array"},
    {"MergeIsNull", [](Json& f) { f["model"]["merges"][1] = nullptr; },
     "merge 1: expected two strings, got null"},
    {"MergeWithoutSpace", [](Json& f) { f["model"]["merges"][1] = "abc"; },
     "merge 1: expected two tokens with a space between, got \"abc\""},
    {"MergeWithTwoSpaces", [](Json& f) { f["model"]["merges"][1] = "a b c"; },
     "merge 1: expected two tokens with a space between, got \"a b c\""},
    {"MergeUnknownLeft",
     [](Json& f) {
       f["model"]["merges"][1] = {"xy", "c"};
     },
     "merge 1: expected tokens of the vocabulary, got the bytes \"xy\""},
    {"MergeUnknownResult",
     [](Json& f) {
       f["model"]["merges"][1] = {"a", "c"};
     },
     "merge 1: expected tokens of the vocabulary, got the bytes \"ac\""},
    {"MergeEmptySide",
     [](Json& f) {
       f["model"]["merges"][1] = {"", "ab"};
     },
     "merge 1: expected tokens of the vocabulary, got the bytes \"\""},
    {"MergeNotByteLevel",
     [](Json& f) {
       f["model"]["merges"][1] = {"€", "c"};
     },
     "merge 1: expected tokens of the vocabulary, got \"\\u20ac\""},
    {"MergeTwice",
     [](Json& f) {
       f["model"]["merges"][2] = {"a", "b"};
     },
     "merge 2: expected a new pair, got one that came before"},
    {"AddedIsObject", [](Json& f) { f["added_tokens"] = Json::object(); },
     "added_tokens: expected an array, got an object"},
    {"AddedIsNumber", [](Json& f) { Added(f) = 5; }, "added_tokens[]: expected an object, got 5"},
    {"AddedWithoutContent", [](Json& f) { Added(f).erase("content"); },
     "added_tokens[].content: expected a string, got nothing"},
    {"AddedEmpty", [](Json& f) { Added(f)["content"] = ""; },
     "added token \"\": expected 1 to 256 bytes, got 0"},
    {"AddedLong", [](Json& f) { Added(f)["content"] = std::string(257, 'x'); },
     "added token \"" + std::string(48, 'x') + "\"...: expected 1 to 256 bytes, got 257"},
    {"AddedWithoutId", [](Json& f) { Added(f).erase("id"); },
     "added token \"<|end|>\".id: expected a number, got nothing"},
    {"AddedIdHuge", [](Json& f) { Added(f)["id"] = 4294967295; },
     "token \"<|end|>\": expected an id below 1048576, got 4294967295"},
    {"AddedIdTaken", [](Json& f) { Added(f)["id"] = 97; },
     "id 97: expected one token, got \"a\" and \"<|end|>\""},
    {"AddedIdTwice",
     [](Json& f) {
       f["added_tokens"].push_back({{"id", 259}, {"content", "<|x|>"}, {"special", true}});
     },
     "id 259: expected one token, got \"<|end|>\" and \"<|x|>\""},
    {"AddedTextTwice",
     [](Json& f) {
       f["added_tokens"].push_back({{"id", 260}, {"content", "<|end|>"}, {"special", true}});
     },
     "special token 260: expected text of its own"},
    {"AddedNotSpecial", [](Json& f) { Added(f)["special"] = false; },
     "added token \"<|end|>\".special: expected true, got false"},
    {"AddedStrips", [](Json& f) { Added(f)["lstrip"] = true; },
     "added token \"<|end|>\".lstrip: expected false, got true"},
    {"AddedSingleWord", [](Json& f) { Added(f)["single_word"] = true; },
     "added token \"<|end|>\".single_word: expected false, got true"},
    {"AddedNormalized", [](Json& f) { Added(f)["normalized"] = true; },
     "added token \"<|end|>\".normalized: expected false, got true"},
};
// NOLINTEND

class BadTokenizerJson : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadTokenizerJson, IsRefusedWithItsReason) {
  Json file = SmallTokenizer();
  ASSERT_TRUE(Tokenizer::FromJsonText(file.dump(), "bad.json").has_value());
  GetParam().change(file);
  const auto tokenizer = Tokenizer::FromJsonText(file.dump(), "bad.json");
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_EQ(tokenizer.error().message, "[tokenizer] bad.json: " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, BadTokenizerJson, ::testing::ValuesIn(kBadFiles),
                         [](const auto& info) { return std::string(info.param.name); });

std::string ErrorOf(std::string_view json) {
  const auto tokenizer = Tokenizer::FromJsonText(json, "bad.json");
  return tokenizer ? "" : tokenizer.error().message;
}

TEST(BadTokenizerText, EveryTruncationIsRefused) {
  const std::string json = SmallTokenizer().dump();
  for (size_t size = 0; size < json.size(); size += 13) {
    EXPECT_TRUE(ErrorOf(json.substr(0, size)).starts_with("[tokenizer] bad.json: invalid JSON: "));
  }
}

TEST(BadTokenizerText, DuplicateKeysAreRefused) {
  const std::string json = SmallTokenizer().dump();
  const auto replaced = [&](std::string_view what, std::string_view by) {
    std::string text = json;
    return ErrorOf(text.replace(text.find(what), what.size(), by));
  };
  EXPECT_EQ(replaced("\"ab\":256", "\"ab\":256,\"ab\":270"),
            "[tokenizer] bad.json: token \"ab\": expected one id, got two");
  EXPECT_EQ(replaced("\"ignore_merges\"", "\"ignore_merges\":true,\"ignore_merges\""),
            "[tokenizer] bad.json: model.ignore_merges: expected once, got it twice");
}

TEST(BadTokenizerText, BytesThatAreNoJsonAreRefused) {
  for (const std::string& text :
       {std::string(), std::string(1, '\0'), std::string("{\"a\":\"\xff\"}"),
        std::string(5000, '['), std::string("{\"a\":\"\\ud800\"}")}) {
    EXPECT_TRUE(ErrorOf(text).starts_with("[tokenizer] bad.json: invalid JSON: ")) << ErrorOf(text);
  }
}

TEST(BadTokenizerPath, MissingFilesAndFoldersAreNamed) {
  const auto folder = FreshFolder("bad-json");
  const auto missing = Tokenizer::FromJson(folder / "tokenizer.json");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto directory = Tokenizer::FromJson(folder);
  ASSERT_FALSE(directory.has_value());
  EXPECT_NE(directory.error().message.find(folder.string()), std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fairlead::testing
