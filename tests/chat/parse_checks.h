// What holds of the parser's answer to any tokens, checked without the parser's own code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead::testing {

struct CheckedParse {
  std::vector<ParsedMessage> messages;
  std::string violation;  // empty: everything holds
};

// Parses `ids` and checks that
// - the deltas of a message joined are its text, and well-formed UTF-8;
// - a header is as it was with the message's first delta;
// - messages end once, in order, and all of them;
// - their tokens follow each other, and what is between them is no text;
// - all text that is no special token's is in the messages: docs/harmony.md says how;
// - what is content without <|message|> before it is it byte for byte, with names of markers and
// the
//   white space that it begins with.
CheckedParse ParseAndCheck(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                           std::span<const int32_t> ids, std::optional<Role> role);

}  // namespace fairlead::testing
