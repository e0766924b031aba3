// OpenAI's harmony, the format of gpt-oss: docs/harmony.md.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "chat/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {

// kInvalidData when `tokenizer` lacks one of harmony's special tokens. Constraints allow ids below
// `model_vocabulary_size`.
Result<std::shared_ptr<const ChatFormat>> CreateHarmony(Tokenizer::Pointer tokenizer,
                                                        int64_t model_vocabulary_size);

}  // namespace fairlead
