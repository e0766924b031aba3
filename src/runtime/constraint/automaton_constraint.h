// Texts of an automaton as a constraint on tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/constraint/token_automaton.h"
#include "runtime/constraint/token_constraint.h"

namespace fairlead {

// A token is allowed when the text with it is the beginning of one that the automaton accepts, and
// the text is complete when the automaton accepts it. Since every byte is a token, an incomplete
// text always has an allowed token. Clones share what the TokenAutomaton remembers.
class AutomatonConstraint : public TokenConstraint {
 public:
  explicit AutomatonConstraint(std::shared_ptr<const TokenAutomaton> automaton);

  std::unique_ptr<TokenConstraint> Clone() const override;
  // The first time in a state all tokens are tried (o200k: some milliseconds); then a copy.
  // `allowed` is of the model's vocabulary size.
  void AllowedTokens(TokenSet& allowed) override;
  bool Accept(int32_t token) override;
  void Rollback(int count) override;
  bool complete() const override { return recent_.back().complete; }

 private:
  // A state can be large: only so many are kept to go back to, others are found again.
  static constexpr size_t kMostRecent = 64;
  void Push(TokenAutomaton::Position position);

  std::shared_ptr<const TokenAutomaton> automaton_;
  std::vector<int32_t> tokens_;
  std::deque<TokenAutomaton::Position> recent_;  // behind the last tokens, or at the start
};

// Texts that `pattern` (regex.h) matches as a whole; CompileRegex's errors. The result is in its
// first state: each sequence takes a clone.
Result<std::shared_ptr<const TokenConstraint>> CompileRegexConstraint(
    std::string_view pattern, std::shared_ptr<const VocabularyTrie> trie,
    int64_t model_vocabulary_size);

}  // namespace fairlead
