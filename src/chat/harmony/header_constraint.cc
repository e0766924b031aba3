#include "chat/harmony/header_constraint.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "chat/harmony/header_grammar.h"

namespace fairlead {
namespace {

// What all sequences under the same rules share. Immutable.
class TokenGrammar {
 public:
  TokenGrammar(HeaderGrammar grammar, std::shared_ptr<const VocabularyTrie> trie,
               int64_t model_vocabulary_size)
      : grammar_(std::move(grammar)),
        trie_(std::move(trie)),
        model_vocabulary_size_(model_vocabulary_size) {
    TokenSet ordinary(model_vocabulary_size_);
    Add(trie_->tokens(), ordinary);
    for (int32_t state = 0; state < grammar_.state_count(); ++state) {
      if (!grammar_.IsContent(state)) continue;
      AddSpecial(state, content_.emplace(state, ordinary).first->second);
    }
  }

  bool IsEnd(int32_t state) const { return grammar_.IsEnd(state); }

  void Allowed(int32_t state, TokenSet& allowed) const {
    const auto content = content_.find(state);
    if (content != content_.end()) {
      const auto known = content->second.words();
      allowed.Clear();
      std::copy_n(known.begin(), std::min(known.size(), allowed.words().size()),
                  allowed.words().begin());
      return;
    }
    allowed.Clear();
    AddSpecial(state, allowed);
    AddText(state, allowed);
  }

  // The state behind `token`; nullopt where it may not come.
  std::optional<int32_t> Next(int32_t state, int32_t token) const {
    if (token < 0 || token >= model_vocabulary_size_) return std::nullopt;
    const auto bytes = trie_->TokenBytes(token);
    if (!bytes) return grammar_.Next(state, HeaderGrammar::OfToken(token));
    if (grammar_.IsContent(state)) return state;
    std::optional<int32_t> next = state;
    for (size_t i = 0; i < bytes->size() && next; ++i) {
      next = grammar_.Next(*next, static_cast<uint8_t>((*bytes)[i]));
    }
    return next;
  }

 private:
  void Add(std::span<const int32_t> tokens, TokenSet& allowed) const {
    for (const int32_t token : tokens) {
      if (token < model_vocabulary_size_) allowed.Add(token);
    }
  }

  void AddSpecial(int32_t state, TokenSet& allowed) const {
    const auto edges = grammar_.edges(state);
    for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) {
      if (edge->symbol < HeaderGrammar::OfToken(0)) return;
      allowed.Add(edge->symbol - HeaderGrammar::OfToken(0));
    }
  }

  // Few bytes can follow in a header, so that this looks at little more than the tokens it adds.
  void AddText(int32_t start, TokenSet& allowed) const {
    const auto next = [this](std::span<const int32_t> path, uint8_t byte) {
      return grammar_.Next(path.back(), byte);
    };
    trie_->Walk(start, next, [&](std::span<const int32_t> tokens) { Add(tokens, allowed); });
  }

  const HeaderGrammar grammar_;
  const std::shared_ptr<const VocabularyTrie> trie_;
  const int64_t model_vocabulary_size_;
  std::map<int32_t, TokenSet> content_;  // [state]: a handful
};

class HeaderConstraint : public TokenConstraint {
 public:
  explicit HeaderConstraint(std::shared_ptr<const TokenGrammar> grammar)
      : grammar_(std::move(grammar)), states_{0} {}

  std::unique_ptr<TokenConstraint> Clone() const override {
    return std::make_unique<HeaderConstraint>(*this);
  }
  void AllowedTokens(TokenSet& allowed) override { grammar_->Allowed(states_.back(), allowed); }
  bool Accept(int32_t token) override {
    const std::optional<int32_t> next = grammar_->Next(states_.back(), token);
    if (next) states_.push_back(*next);
    return next.has_value();
  }
  void Rollback(int count) override {
    const size_t dropped = std::min(states_.size() - 1, static_cast<size_t>(std::max(count, 0)));
    states_.resize(states_.size() - dropped);
  }
  // Not where <|return|> or <|call|> may come: these are tokens of the format, allowed as such.
  bool complete() const override { return grammar_->IsEnd(states_.back()); }

 private:
  std::shared_ptr<const TokenGrammar> grammar_;
  std::vector<int32_t> states_;  // at the start, and behind each token
};

Status CheckVocabulary(const HarmonyTokens& tokens, int64_t model_vocabulary_size) {
  const int32_t highest = std::max({tokens.start, tokens.channel, tokens.constrain, tokens.message,
                                    tokens.end, tokens.ret, tokens.call});
  if (highest < model_vocabulary_size) return {};
  return Fail(ErrorCode::kInvalidArgument, "harmony",
              "model_vocabulary_size: expected all of harmony's tokens, up to {}, got {}", highest,
              model_vocabulary_size);
}

}  // namespace

Result<std::shared_ptr<const TokenConstraint>> NewHeaderConstraint(
    const HarmonyTokens& tokens, std::shared_ptr<const VocabularyTrie> trie,
    int64_t model_vocabulary_size, const AnswerRules& rules) {
  FAIRLEAD_RETURN_IF_ERROR(CheckVocabulary(tokens, model_vocabulary_size));
  FAIRLEAD_ASSIGN_OR_RETURN(HeaderGrammar grammar, HeaderGrammar::Build(tokens, rules));
  return std::make_shared<const HeaderConstraint>(std::make_shared<const TokenGrammar>(
      std::move(grammar), std::move(trie), model_vocabulary_size));
}

}  // namespace fairlead
