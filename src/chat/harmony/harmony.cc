#include "chat/harmony/harmony.h"

#include <utility>

#include "chat/harmony/header_constraint.h"
#include "chat/harmony/parser.h"
#include "chat/harmony/render.h"
#include "chat/harmony/special_tokens.h"

namespace fairlead {
namespace {

class Harmony : public ChatFormat {
 public:
  Harmony(Tokenizer::Pointer tokenizer, const HarmonyTokens& tokens, int64_t model_vocabulary_size)
      : tokenizer_(std::move(tokenizer)),
        tokens_(tokens),
        trie_(VocabularyTrie::Build(tokenizer_)),
        model_vocabulary_size_(model_vocabulary_size) {}

  Result<RenderedConversation> Render(const Conversation& conversation,
                                      const RenderOptions& options) const override {
    return RenderHarmony(*tokenizer_, tokens_, conversation, options);
  }
  std::unique_ptr<ChatParser> NewParser(std::optional<Role> next_role) const override {
    return NewHarmonyParser(tokenizer_, tokens_, next_role);
  }
  Result<std::shared_ptr<const TokenConstraint>> NewConstraint(
      const AnswerRules& rules) const override {
    return NewHeaderConstraint(tokens_, trie_, model_vocabulary_size_, rules);
  }
  std::vector<int32_t> StopTokens() const override {
    return {tokens_.ret, tokens_.call, tokens_.end_of_text};
  }

 private:
  const Tokenizer::Pointer tokenizer_;
  const HarmonyTokens tokens_;
  const std::shared_ptr<const VocabularyTrie> trie_;
  const int64_t model_vocabulary_size_;
};

}  // namespace

Result<std::shared_ptr<const ChatFormat>> CreateHarmony(Tokenizer::Pointer tokenizer,
                                                        int64_t model_vocabulary_size) {
  FAIRLEAD_ASSIGN_OR_RETURN(const HarmonyTokens tokens, FindHarmonyTokens(*tokenizer));
  return std::make_shared<const Harmony>(std::move(tokenizer), tokens, model_vocabulary_size);
}

}  // namespace fairlead
