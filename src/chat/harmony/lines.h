// The lines of `fairlead harmony`: one JSON object in, one JSON object out.
#pragma once

#include <string>
#include <string_view>

#include "chat/harmony/special_tokens.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// {"conversation": {...}, "next_role": "assistant", "training": false, "auto_drop_analysis": true}
//   ->  {"ids": [...], "text": "..."} or {"error": "..."}. All but "conversation" may be absent.
std::string RenderLine(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                       std::string_view line);

// {"ids": [...], "role": "assistant"}  ->  {"messages": [...], "repairs": [...], "error": null}
// With "strict": true or false, the answer is openai-harmony's in that mode:
//   {"messages": [...], "error": null or "..."}
// With "trace": true also "steps", one for every token and one before any.
std::string ParseLine(const Tokenizer::Pointer& tokenizer, const HarmonyTokens& tokens,
                      std::string_view line);

}  // namespace fairlead
