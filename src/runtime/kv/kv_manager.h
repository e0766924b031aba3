// Who owns which part of the KV cache. The executor owns the bytes; a KvManager decides where the
// positions of every sequence lie, what of earlier texts is kept, and tells each step about it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/step_plan.h"
#include "base/error.h"

namespace fairlead {

// Where a sequence lives, and how many of its first tokens need not run.
struct Admission {
  int slot = 0;
  int cached = 0;
};

struct KvStatistics {
  int64_t admissions = 0;
  int64_t hits = 0;              // admissions that found something in the cache
  int64_t looked_up_tokens = 0;  // tokens of all admissions
  int64_t reused_tokens = 0;     // of these, found in the cache
  int64_t forks = 0;
  int64_t evictions = 0;  // cached pages that were given to somebody else

  // Pages of one KV group, or slots where positions lie in slots: total = free + cached + held.
  struct Pages {
    std::string group;
    int64_t total = 0;
    int64_t free = 0;    // nothing worth keeping in them
    int64_t cached = 0;  // held by nobody, kept for a text that begins alike
    int64_t held = 0;    // by live sequences
  };
  std::vector<Pages> pages;
};

// A sequence's life is Admit or Fork, then for every step Reserve, FillPages, the step itself,
// Commit; in the end Release. It is named by its slot. Every call that fails changes nothing. Slots
// that are not live and lengths out of range are kInvalidArgument. Not thread-safe.
class KvManager {
 public:
  virtual ~KvManager() = default;

  // Gives a free slot to a sequence that begins with `tokens` (at least one) and sets room aside
  // for them: as long as each step adds at most Capabilities::max_rows tokens, Reserve up to
  // tokens.size() cannot fail. The longest usable beginning that is in the cache is reused, and at
  // least the last token is left to run. kResourceExhausted when no slot or room is there now.
  virtual Result<Admission> Admit(std::span<const int32_t> tokens) = 0;
  // The same for a copy of a live sequence's first `length` committed tokens: shares with it what
  // can be shared.
  virtual Result<Admission> Fork(int slot, int length) = 0;
  // kResourceExhausted when a sequence of `length` tokens has no room even with nothing beside it.
  virtual Status CheckFits(int length) const = 0;

  // Makes positions [0, end) of the sequence writable. kResourceExhausted when room ran out.
  virtual Status Reserve(int slot, int end) = 0;
  // Adds the rows for `span` to the plan's page tables. All of its positions are reserved.
  virtual void FillPages(const Span& span, StepPlan& plan) const = 0;
  // After the step: `tokens`, the sequence from its beginning, are final. What no later position
  // can see is given up, and what is final may be found by later admissions. Lengths never fall and
  // stay within what is reserved.
  virtual Status Commit(int slot, std::span<const int32_t> tokens) = 0;
  // Forgets the positions from `length` on (a rejected draft) with what was reserved for them.
  // kInvalidArgument when what the next position sees was given up by Commit.
  virtual Status Truncate(int slot, int length) = 0;
  // Ends the sequence; its slot is free again, and its tokens may be found by later admissions.
  virtual Status Release(int slot) = 0;

  virtual KvStatistics statistics() const = 0;
  // kInternal unless everything is accounted for exactly once.
  virtual Status CheckInvariants() const = 0;
};

}  // namespace fairlead
