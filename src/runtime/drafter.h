// Guesses how a text goes on, for the model to check several tokens in one step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

// One object serves all sequences of an engine. A guess changes how fast tokens come, never which.
class Drafter {
 public:
  virtual ~Drafter() = default;
  // At most `count` tokens that may follow `tokens` (prompt and answer so far); none when there is
  // nothing to go by.
  virtual std::vector<int32_t> Propose(std::span<const int32_t> tokens, int count) const = 0;
};

}  // namespace fairlead
