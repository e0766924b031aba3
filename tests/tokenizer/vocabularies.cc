#include "tests/tokenizer/vocabularies.h"

#include <fmt/format.h>

#include <map>
#include <stdexcept>

#include "base/file.h"

namespace fairlead::testing {
namespace {

constexpr size_t kMaxGoldens = size_t{4} << 20;

std::string ByteCharacter(int byte) {
  const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  int code = byte;
  if (!prints) {
    // Bytes 0..0x20, 0x7F..0xA0 and 0xAD count up from U+0100.
    code = 0x100 + (byte <= 0x20 ? byte : byte <= 0xA0 ? byte - 0x7F + 33 : 67);
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

std::filesystem::path VocabularyPath(std::string_view name) {
  if (name == "o200k") {
    return std::filesystem::path(FAIRLEAD_THIRD_PARTY) / "tokenizer" / "tokenizer.json";
  }
  return std::filesystem::path(FAIRLEAD_MODELS) / "tiny-gpt-oss" / "tokenizer.json";
}

Tokenizer::Pointer Vocabulary(std::string_view name) {
  static std::map<std::string, Tokenizer::Pointer, std::less<>> loaded;
  if (const auto known = loaded.find(name); known != loaded.end()) return known->second;
  const auto path = VocabularyPath(name);
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(
        fmt::format("{} is missing: run tools/fetch_third_party", path.string()));
  }
  auto tokenizer = Tokenizer::FromJson(path);
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return loaded[std::string(name)] = *tokenizer;
}

std::vector<Json> ReadGoldens(const std::string& file) {
  const auto path = std::filesystem::path(FAIRLEAD_TEST_DATA) / "tokenizer" / file;
  const auto text = ReadFile(path, "test", kMaxGoldens);
  if (!text) throw std::runtime_error(text.error().message);
  std::vector<Json> records;
  for (size_t begin = 0; begin < text->size();) {
    const size_t end = text->find('\n', begin);
    records.push_back(Json::parse(text->substr(begin, end - begin)));
    begin = end + 1;
  }
  return records;
}

std::string Fnv1a(std::string_view bytes) {
  uint64_t value = 0xCBF29CE484222325;
  for (const char byte : bytes) value = (value ^ static_cast<uint8_t>(byte)) * 0x100000001B3;
  return fmt::format("{:016x}", value);
}

std::filesystem::path FreshFolder(std::string_view name) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("fairlead-{}-{}", name, ::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

Json SmallTokenizer() {
  Json vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary[ByteCharacter(byte)] = byte;
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary["bc"] = 258;
  Json file = Json::parse(R"json({
    "version": "1.0",
    "added_tokens": [{"id": 259, "content": "<|end|>", "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\S+|\\s+"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
    "post_processor": null,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "ignore_merges": false,
              "merges": [["a", "b"], ["ab", "c"], ["b", "c"]]}
  })json");
  file["model"]["vocab"] = vocabulary;
  return file;
}

}  // namespace fairlead::testing
