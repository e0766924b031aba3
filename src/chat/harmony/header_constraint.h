// What keeps the headers of a model's messages well formed.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"
#include "runtime/constraint/vocabulary_trie.h"

namespace fairlead {

// For answers that begin behind "<|start|>assistant". Ids from `model_vocabulary_size` on are never
// allowed. kInvalidArgument: kRequired without tools, names that a header cannot hold.
Result<std::shared_ptr<const TokenConstraint>> NewHeaderConstraint(
    const HarmonyTokens& tokens, std::shared_ptr<const VocabularyTrie> trie,
    int64_t model_vocabulary_size, const AnswerRules& rules);

}  // namespace fairlead
