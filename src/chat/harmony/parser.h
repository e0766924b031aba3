// Harmony's tokens to messages, whatever the tokens are.
#pragma once

#include <memory>
#include <optional>

#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// With a role, the first message is of that role and its header has been begun; without, the tokens
// begin with <|start|>. docs/harmony.md says what becomes of everything that is malformed.
std::unique_ptr<ChatParser> NewHarmonyParser(Tokenizer::Pointer tokenizer,
                                             const HarmonyTokens& tokens, std::optional<Role> role);

}  // namespace fairlead
