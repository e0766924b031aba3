// Sequences of tokens cut into steps, with page tables.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/step_plan.h"

namespace fairlead::testing {

// KV pages dealt to slots in a shuffled order: every slot owns what `positions` positions take.
class SlotPages {
 public:
  SlotPages(const ModelFacts& facts, int slots, int64_t positions, uint64_t seed);

  std::vector<int> kv_pages() const;  // for ExecutorOptions
  // Only the pages the spans write or see: a sliding group's table starts late.
  std::vector<PageTable> Tables(const std::vector<Span>& spans) const;

 private:
  std::vector<KvGroup> groups_;
  std::vector<std::vector<std::vector<int32_t>>> pages_;  // [group][slot]
};

// A sequence's tokens; it lives in slot `slot` from position 0.
struct Sequence {
  int slot = 0;
  std::vector<int32_t> tokens;
};

// The spans of each step.
using Schedule = std::vector<std::vector<Span>>;

// All sequences from their first token to their last in steps of up to `budget` rows, which the
// sequences share in uneven parts.
Schedule CutIntoSteps(const std::vector<Sequence>& sequences, int budget);

// The step of `spans`, asking for the logits of all rows.
StepPlan MakePlan(const std::vector<Span>& spans, const std::vector<Sequence>& sequences,
                  const SlotPages& pages);

}  // namespace fairlead::testing
