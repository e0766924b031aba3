// The special tokens that harmony is made of, as a tokenizer numbers them.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

struct HarmonyTokens {
  int32_t start;        // <|start|>: a message begins with its header
  int32_t channel;      // <|channel|>: the channel's name follows
  int32_t constrain;    // <|constrain|>: the content's type follows
  int32_t message;      // <|message|>: the header ends, the content begins
  int32_t end;          // <|end|>: the message ends
  int32_t ret;          // <|return|>: the message ends, and so does the answer
  int32_t call;         // <|call|>: the message ends; a tool is to answer
  int32_t end_of_text;  // <|endoftext|>

  // Whether `token` ends a message.
  bool EndsMessage(int32_t token) const { return token == end || token == ret || token == call; }
};

// kInvalidData with the name of a token that is missing.
Result<HarmonyTokens> FindHarmonyTokens(const Tokenizer& tokenizer);

}  // namespace fairlead
