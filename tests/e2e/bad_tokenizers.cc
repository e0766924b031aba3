#include <fstream>

#include "tests/e2e/bad_input.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

BadModel With(const std::string& name, const std::function<void(Json&)>& edit,
              const std::string& message) {
  return {name, [=](const fs::path& model) { EditJson(model / "tokenizer.json", edit); }, message};
}

BadModel Whole(const std::string& name, const std::string& text, const std::string& message) {
  return {name,
          [=](const fs::path& model) {
            std::ofstream(model / "tokenizer.json", std::ios::binary) << text;
          },
          message};
}

}  // namespace

std::vector<BadModel> BadTokenizers() {
  return {
      Whole("TokenizerEmpty", "", "tokenizer.json: invalid JSON: Empty"),
      Whole("TokenizerNotJson", "vocabulary", "tokenizer.json: invalid JSON: "),
      Whole("TokenizerAList", "[]", "tokenizer.json: file: expected an object, got an array"),
      Whole("TokenizerDeeplyNested", std::string(1000000, '['), "tokenizer.json: invalid JSON: "),
      {"TokenizerTruncated",
       [](const fs::path& model) { fs::resize_file(model / "tokenizer.json", 20000); },
       "tokenizer.json: invalid JSON: "},
      {"TokenizerNotUtf8",
       [](const fs::path& model) {
         ReplaceText(model / "tokenizer.json", "<|startoftext|>", "<|start\xff\xfe|>");
       },
       "tokenizer.json: invalid JSON: The input is not valid UTF-8"},
      {"TokenizerAFolder",
       [](const fs::path& model) {
         fs::remove(model / "tokenizer.json");
         fs::create_directory(model / "tokenizer.json");
       },
       "tokenizer.json: "},
      With(
          "TokenizerModelMissing", [](Json& json) { json.erase("model"); },
          "file.model: expected an object, got nothing"),
      With(
          "TokenizerOfAnotherKind", [](Json& json) { json["model"]["type"] = "Unigram"; },
          "model.type: expected \"BPE\", got \"Unigram\""),
      With(
          "TokenizerWithANormalizer",
          [](Json& json) {
            json["normalizer"] = {{"type", "NFC"}};
          },
          "file.normalizer: expected null, got an object"),
      With(
          "TokenizerWithByteFallback", [](Json& json) { json["model"]["byte_fallback"] = true; },
          "model.byte_fallback: expected false, got true"),
      With(
          "TokenizerPatternBroken",
          [](Json& json) {
            json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(?:a";
          },
          "tokenizer.json: split pattern: missing closing parenthesis"),
      With(
          "MergeOfUnknownTokens",
          [](Json& json) {
            json["model"]["merges"][0] = {"qqqq", "zzzz"};
          },
          "merge 0: expected tokens of the vocabulary, got the bytes \"qqqq\""),
      With(
          "MergeOfOneWord", [](Json& json) { json["model"]["merges"][0] = "word"; },
          "merge 0: expected two tokens with a space between, got \"word\""),
      With(
          "VocabularyMissing", [](Json& json) { json["model"].erase("vocab"); },
          "model.vocab: expected an object, got nothing"),
      With(
          "TokenIdANumberInWords", [](Json& json) { json["model"]["vocab"]["!"] = "zero"; },
          "token \"!\": expected an id below"),
      With(
          "TokenIdHuge", [](Json& json) { json["model"]["vocab"]["!"] = int64_t{1} << 62; },
          "token \"!\": expected an id below"),
      With(
          "TokenIdTwice", [](Json& json) { json["model"]["vocab"]["!"] = 1; },
          "id 1: expected one token, got \"!\" and "),
      With(
          "SpecialTokenOnTakenId", [](Json& json) { json["added_tokens"][0]["id"] = 5; },
          "id 5: expected one token, got \"&\" and \"<|startoftext|>\""),
  };
}

}  // namespace fairlead::e2e
