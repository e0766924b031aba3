// KvManager for executors that keep the positions of each slot side by side. Only what the last
// sequence in a slot left there can be reused, and only in that slot.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/model_facts.h"
#include "runtime/kv/kv_manager.h"

namespace fairlead {

class SlotKv final : public KvManager {
 public:
  // A group keeps the last `limits.slot_positions` positions that were written to a slot, enough
  // for the largest step (CheckExecutor). Without a prefix cache nothing is reused.
  SlotKv(const ModelFacts& facts, const Capabilities& limits, bool prefix_cache = true);

  // Takes the free slot that remembers the longest usable beginning, which may end anywhere; of
  // equal ones the one that was used least recently. A slot that remembers nothing comes before one
  // that would forget more than it gives.
  Result<Admission> Admit(std::span<const int32_t> tokens) override;
  // Shares nothing: a slot's bytes are its own.
  Result<Admission> Fork(int slot, int length) override;
  Status CheckFits(int length) const override;
  // Also refused: more positions after the committed ones than a step may write.
  Status Reserve(int slot, int end) override;
  // Adds nothing: the slot and the positions of a span say where it lies.
  void FillPages(const Span& span, StepPlan& plan) const override;
  Status Commit(int slot, std::span<const int32_t> tokens) override;
  Status Truncate(int slot, int length) override;
  Status Release(int slot) override;
  KvStatistics statistics() const override;
  Status CheckInvariants() const override;

 private:
  struct Slot {
    bool live = false;
    int reserved = 0;
    // One more than the highest position that may have been written since the text began, rejected
    // drafts included: what lies a ring's length below it is overwritten.
    int written = 0;
    std::vector<int32_t> tokens;  // committed, or remembered from the last sequence
    int64_t last_used = 0;

    int length() const { return static_cast<int>(tokens.size()); }
  };

  Slot& At(int slot) { return slots_[static_cast<size_t>(slot)]; }
  const Slot& At(int slot) const { return slots_[static_cast<size_t>(slot)]; }
  Status CheckLive(int slot) const;
  // Nothing that `position` sees is overwritten once the positions below `written` are written.
  bool SeesIntact(int position, int written) const;
  // How many of these tokens, without the last, a free slot could give.
  int Usable(const Slot& slot, std::span<const int32_t> tokens) const;
  // The free slot for a sequence of these tokens and how many of them it keeps.
  Result<Admission> Choose(std::span<const int32_t> tokens) const;
  void Start(const Admission& admission);

  std::vector<KvGroup> groups_;
  Capabilities limits_;
  bool prefix_cache_;
  std::vector<Slot> slots_;
  int64_t clock_ = 0;  // sequences that have ended
  KvStatistics counts_;
};

}  // namespace fairlead
