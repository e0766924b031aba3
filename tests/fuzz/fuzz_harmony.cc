// Any tokens as a model's answer: they give messages that have all of their text, the deltas of a
// stream are these messages, and the parser that answers as openai-harmony does survives them, too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "chat/harmony/openai_parser.h"
#include "chat/harmony/special_tokens.h"
#include "tests/chat/parse_checks.h"
#include "tests/tokenizer/vocabularies.h"
#include "tokenizer/utf8.h"

namespace {

using fairlead::HarmonyTokens;
using fairlead::Role;
using fairlead::Tokenizer;

void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "violated: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// What headers are made of, and what gets into them.
constexpr std::string_view kWords[] = {
    "assistant",
    "user",
    "system",
    "developer",
    "tool",
    "analysis",
    "commentary",
    "final",
    " to=functions.f",
    "to=",
    " json",
    " code",
    " assistant",
    " final",
    "functions.f",
    ":",
    " ",
    "\n",
    "{\"a\": 1}",
    "\"",
    " Hello there",
    "<|channel|>",
    "<|constrain|>",
    "\u00A0",
    "é",
    "python",
};

struct Vocabulary {
  Tokenizer::Pointer tokenizer = fairlead::testing::Vocabulary("tiny");
  HarmonyTokens tokens = fairlead::FindHarmonyTokens(*tokenizer).value();
  std::vector<int32_t> structure = {tokens.start,   tokens.channel,    tokens.constrain,
                                    tokens.message, tokens.end,        tokens.ret,
                                    tokens.call,    tokens.end_of_text};
};

// Low bytes are structure, the next ones words of headers; the others take a second byte for any
// id, among them some that do not exist.
std::vector<int32_t> Decode(const Vocabulary& vocabulary, std::span<const uint8_t> bytes) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t byte = bytes[i] % 128;
    if (byte < 64) {
      ids.push_back(vocabulary.structure[byte % vocabulary.structure.size()]);
    } else if (byte < 96) {
      const auto word = vocabulary.tokenizer->Encode(kWords[byte % std::size(kWords)], false);
      ids.insert(ids.end(), word->begin(), word->end());
    } else if (i + 1 < bytes.size()) {
      ids.push_back((byte % 8 - 1) * 256 + bytes[++i]);
    }
  }
  return ids;
}

void ParseStrictly(const Vocabulary& vocabulary, std::span<const int32_t> ids,
                   std::optional<Role> role, bool strict) {
  fairlead::OpenAiParser parser(vocabulary.tokenizer, vocabulary.tokens, role, strict);
  const auto require_utf8 = [](const fairlead::Message& message) {
    Require(!fairlead::FindInvalidUtf8(message.Text()), "strict: text that is not UTF-8");
  };
  size_t messages = 0;
  for (const int32_t id : ids) {
    (void)parser.Push(id).has_value();
    Require(parser.messages().size() >= messages, "strict: a message is gone");
    messages = parser.messages().size();
    if (parser.current() != nullptr) require_utf8(*parser.current());
  }
  (void)parser.Finish().has_value();
  for (const auto& message : parser.messages()) require_utf8(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Vocabulary vocabulary;
  if (size == 0) return 0;
  constexpr std::optional<Role> kRoles[] = {std::nullopt, Role::kAssistant, Role::kAssistant,
                                            Role::kTool};
  const std::optional<Role> role = kRoles[data[0] % std::size(kRoles)];
  const std::vector<int32_t> ids = Decode(vocabulary, {data + 1, size - 1});
  const auto checked =
      fairlead::testing::ParseAndCheck(vocabulary.tokenizer, vocabulary.tokens, ids, role);
  Require(checked.violation.empty(), checked.violation);
  ParseStrictly(vocabulary, ids, role, true);
  ParseStrictly(vocabulary, ids, role, false);
  return 0;
}
