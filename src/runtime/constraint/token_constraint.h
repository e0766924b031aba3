// What a generated text may look like, as a question asked before every token.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/constraint/token_set.h"

namespace fairlead {

// The state of one sequence: which tokens were accepted. Not thread-safe; clones are independent.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // A constraint in the same state.
  virtual std::unique_ptr<TokenConstraint> Clone() const = 0;
  // Sets `allowed` to the tokens that may come next. Where complete() holds, the engine adds the
  // tokens that end a text. A constraint with ends of its own allows them as any other token, each
  // where it fits, and is complete behind them alone.
  virtual void AllowedTokens(TokenSet& allowed) = 0;
  // Goes on to the state after `token`. False, with nothing changed, for one that is not allowed.
  virtual bool Accept(int32_t token) = 0;
  // Undoes the last `count` accepted tokens, at most all of them.
  virtual void Rollback(int count) = 0;
  // The text so far may end here.
  virtual bool complete() const = 0;
};

}  // namespace fairlead
