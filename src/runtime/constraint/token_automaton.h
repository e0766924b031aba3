// Which tokens an automaton over bytes lets follow, remembered for every state.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/constraint/byte_automaton.h"
#include "runtime/constraint/lazy_dfa.h"
#include "runtime/constraint/token_set.h"
#include "runtime/constraint/vocabulary_trie.h"

namespace fairlead {

// How much an automaton may remember, in bytes. What does not fit is found again when asked for.
struct AutomatonMemory {
  size_t states = size_t{32} << 20;
  size_t token_sets = size_t{64} << 20;
};

// One automaton and one vocabulary. Safe to use from several threads at once.
class TokenAutomaton {
 public:
  // A place in a text. Copies are cheap, and each is valid as long as anything.
  struct Position {
    LazyDfa::StatePointer state;
    bool complete = false;    // the text may end here
    int32_t number = 0;       // of the state in the LazyDfa, while it is of this generation
    uint64_t generation = 0;  // of the LazyDfa
  };

  // Ids from `model_vocabulary_size` on, and ids that the trie lacks, are never allowed. The
  // automaton accepts some text.
  TokenAutomaton(std::shared_ptr<const ByteAutomaton> automaton,
                 std::shared_ptr<const VocabularyTrie> trie, int64_t model_vocabulary_size,
                 const AutomatonMemory& memory = {});

  Position Start() const;
  // The place behind `token`; nullopt where that token may not come.
  std::optional<Position> Advance(const Position& position, int32_t token) const;
  // The tokens behind which the text can still become one that the automaton accepts.
  std::shared_ptr<const TokenSet> AllowedTokens(const Position& position) const;

 private:
  int32_t NumberOf(const Position& position) const;
  Position PositionOf(int32_t number) const;
  TokenSet FindAllowed(int32_t start) const;
  // Empties the LazyDfa if it is full; the numbers in `keep` stay valid, and none else.
  void MakeRoom(std::span<int32_t> keep) const;

  std::shared_ptr<const VocabularyTrie> trie_;
  int64_t model_vocabulary_size_;
  size_t most_token_sets_;

  // What was found so far: no part of the object's value.
  mutable std::mutex mutex_;
  mutable LazyDfa dfa_;
  mutable std::vector<std::shared_ptr<const TokenSet>> allowed_;  // [state number]
  mutable size_t allowed_count_ = 0;
};

}  // namespace fairlead
