#include "runtime/constraint/token_automaton.h"

#include <algorithm>
#include <utility>

namespace fairlead {

TokenAutomaton::TokenAutomaton(std::shared_ptr<const ByteAutomaton> automaton,
                               std::shared_ptr<const VocabularyTrie> trie,
                               int64_t model_vocabulary_size, const AutomatonMemory& memory)
    : trie_(std::move(trie)),
      model_vocabulary_size_(model_vocabulary_size),
      most_token_sets_(memory.token_sets / (static_cast<size_t>(model_vocabulary_size) / 8 + 1)),
      dfa_(std::move(automaton), memory.states) {}

TokenAutomaton::Position TokenAutomaton::Start() const {
  const std::lock_guard lock(mutex_);
  return PositionOf(dfa_.Start());
}

std::optional<TokenAutomaton::Position> TokenAutomaton::Advance(const Position& position,
                                                                int32_t token) const {
  const auto bytes = trie_->TokenBytes(token);
  if (!bytes || token >= model_vocabulary_size_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  int32_t number = NumberOf(position);
  for (const char byte : *bytes) {
    MakeRoom({&number, 1});
    number = dfa_.Next(number, static_cast<uint8_t>(byte));
    if (number == LazyDfa::kDead) return std::nullopt;
  }
  return PositionOf(number);
}

std::shared_ptr<const TokenSet> TokenAutomaton::AllowedTokens(const Position& position) const {
  const std::lock_guard lock(mutex_);
  int32_t number = NumberOf(position);
  if (static_cast<size_t>(number) < allowed_.size() && allowed_[number] != nullptr) {
    return allowed_[static_cast<size_t>(number)];
  }
  auto allowed = std::make_shared<const TokenSet>(FindAllowed(number));
  number = NumberOf(position);  // finding them may have emptied the LazyDfa
  if (allowed_count_ >= most_token_sets_) {
    allowed_.clear();
    allowed_count_ = 0;
  }
  const size_t index = static_cast<size_t>(number);
  if (index >= allowed_.size()) allowed_.resize(index + 1);
  allowed_[index] = allowed;
  ++allowed_count_;
  return allowed;
}

int32_t TokenAutomaton::NumberOf(const Position& position) const {
  if (position.generation == dfa_.generation()) return position.number;
  return dfa_.Find(position.state);
}

TokenAutomaton::Position TokenAutomaton::PositionOf(int32_t number) const {
  return {dfa_.state(number), dfa_.Accepts(number), number, dfa_.generation()};
}

void TokenAutomaton::MakeRoom(std::span<int32_t> keep) const {
  if (!dfa_.full()) return;
  dfa_.Reset(keep);
  allowed_.clear();
  allowed_count_ = 0;
}

TokenSet TokenAutomaton::FindAllowed(int32_t start) const {
  TokenSet allowed(model_vocabulary_size_);
  const auto next = [this](std::span<int32_t> path, uint8_t byte) -> std::optional<int32_t> {
    MakeRoom(path);
    const int32_t state = dfa_.Next(path.back(), byte);
    return state == LazyDfa::kDead ? std::nullopt : std::optional(state);
  };
  trie_->Walk(start, next, [&](std::span<const int32_t> tokens) {
    for (const int32_t token : tokens) {
      if (token < model_vocabulary_size_) allowed.Add(token);
    }
  });
  return allowed;
}

}  // namespace fairlead
