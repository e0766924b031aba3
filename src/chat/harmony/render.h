// Conversations to harmony's tokens.
#pragma once

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// The tokens that openai-harmony gives. kInvalidArgument for what it refuses: a tool message
// without a name, system or developer content in another role's message, text that is not UTF-8.
Result<RenderedConversation> RenderHarmony(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                                           const Conversation& conversation,
                                           const RenderOptions& options);

}  // namespace fairlead
