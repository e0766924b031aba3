#include "runtime/constraint/automaton_constraint.h"

#include <algorithm>
#include <utility>

#include "runtime/constraint/regex.h"

namespace fairlead {

AutomatonConstraint::AutomatonConstraint(std::shared_ptr<const TokenAutomaton> automaton)
    : automaton_(std::move(automaton)), recent_{automaton_->Start()} {}

std::unique_ptr<TokenConstraint> AutomatonConstraint::Clone() const {
  return std::make_unique<AutomatonConstraint>(*this);
}

void AutomatonConstraint::AllowedTokens(TokenSet& allowed) {
  const auto known = automaton_->AllowedTokens(recent_.back());
  const size_t count = std::min(allowed.words().size(), known->words().size());
  allowed.Clear();
  std::copy_n(known->words().begin(), count, allowed.words().begin());
}

void AutomatonConstraint::Push(TokenAutomaton::Position position) {
  if (recent_.size() == kMostRecent) recent_.pop_front();
  recent_.push_back(std::move(position));
}

bool AutomatonConstraint::Accept(int32_t token) {
  auto next = automaton_->Advance(recent_.back(), token);
  if (!next) return false;
  tokens_.push_back(token);
  Push(std::move(*next));
  return true;
}

void AutomatonConstraint::Rollback(int count) {
  const size_t dropped = std::min(tokens_.size(), static_cast<size_t>(std::max(count, 0)));
  tokens_.resize(tokens_.size() - dropped);
  if (dropped < recent_.size()) {
    recent_.resize(recent_.size() - dropped);
    return;
  }
  recent_ = {automaton_->Start()};
  // Every one of them was accepted before.
  for (const int32_t token : tokens_) Push(*automaton_->Advance(recent_.back(), token));
}

Result<std::shared_ptr<const TokenConstraint>> CompileRegexConstraint(
    std::string_view pattern, std::shared_ptr<const VocabularyTrie> trie,
    int64_t model_vocabulary_size) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<const ByteAutomaton> automaton, CompileRegex(pattern));
  return std::make_shared<const AutomatonConstraint>(std::make_shared<const TokenAutomaton>(
      std::move(automaton), std::move(trie), model_vocabulary_size));
}

}  // namespace fairlead
