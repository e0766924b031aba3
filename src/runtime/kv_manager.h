// Who owns which part of the KV cache. The executor owns the bytes; a KvManager decides where the
// positions of every sequence lie and tells each step about it.
#pragma once

#include <cstdint>
#include <span>

#include "backends/step_plan.h"
#include "base/error.h"

namespace fairlead {

// Sequences are named by their slot. A sequence's life is Admit, then for every step Reserve,
// FillPages, the step itself, Commit; in the end Release. Every call that fails changes nothing.
// Slots and lengths out of range are kInvalidArgument. Not thread-safe.
class KvManager {
 public:
  virtual ~KvManager() = default;

  // Takes a free slot for a sequence that begins with `prompt` and sets room aside: as long as each
  // step adds at most Capabilities::max_rows tokens, Reserve up to `length` tokens cannot fail.
  // Returns how many tokens of the prompt are in the cache already. kResourceExhausted when that
  // room is not there now.
  virtual Result<int> Admit(int slot, std::span<const int32_t> prompt, int length) = 0;
  // kResourceExhausted when a sequence of `length` tokens has no room even with nothing beside it.
  virtual Status CheckFits(int length) const = 0;

  // Makes positions [0, end) of the sequence writable. kResourceExhausted when room ran out.
  virtual Status Reserve(int slot, int end) = 0;
  // Adds the rows for `span` to the plan's page tables. All of its positions are reserved.
  virtual void FillPages(const Span& span, StepPlan& plan) const = 0;
  // After the step: the first `length` tokens are final, and what no later position can see may be
  // given up. Lengths never fall and stay within what is reserved.
  virtual Status Commit(int slot, int length) = 0;
  // Forgets the positions from `length` on (a rejected draft) with what was reserved for them.
  // kInvalidArgument when what the next position sees was given up by Commit.
  virtual Status Truncate(int slot, int length) = 0;
  // Ends the sequence; its slot and room are free again.
  virtual Status Release(int slot) = 0;
};

}  // namespace fairlead
