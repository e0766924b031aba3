#include "runtime/kv/slot_kv.h"

#include <algorithm>

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "kv", format, std::forward<Args>(args)...);
}

}  // namespace

SlotKv::SlotKv(const ModelFacts& facts, const Capabilities& limits, bool prefix_cache)
    : groups_(facts.kv_groups),
      limits_(limits),
      prefix_cache_(prefix_cache),
      slots_(static_cast<size_t>(limits.max_slots)) {}

Status SlotKv::CheckLive(int slot) const {
  if (slot < 0 || slot >= limits_.max_slots || !At(slot).live) {
    return Invalid("slot {}: expected a slot in use", slot);
  }
  return {};
}

Status SlotKv::CheckFits(int length) const {
  if (length < 0 || length > limits_.max_position) {
    return Invalid("length: expected 0 to {}, got {}", limits_.max_position, length);
  }
  return {};
}

bool SlotKv::SeesIntact(int position, int written) const {
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (written - limits_.slot_positions[g] > FirstVisible(groups_[g], position)) return false;
  }
  return true;
}

int SlotKv::Usable(const Slot& slot, std::span<const int32_t> tokens) const {
  if (tokens.empty()) return 0;
  const std::span<const int32_t> wanted = tokens.first(tokens.size() - 1);
  const auto differs =
      std::mismatch(wanted.begin(), wanted.end(), slot.tokens.begin(), slot.tokens.end()).first;
  const auto common = static_cast<int>(differs - wanted.begin());
  // An earlier position sees earlier ones, of which no more are left.
  return SeesIntact(common, slot.written) ? common : 0;
}

Result<Admission> SlotKv::Choose(std::span<const int32_t> tokens) const {
  Admission best{-1, 0};
  int empty = -1;
  for (int slot = 0; slot < limits_.max_slots; ++slot) {
    const Slot& candidate = At(slot);
    if (candidate.live) continue;
    if (candidate.tokens.empty() && empty < 0) empty = slot;
    const int usable = Usable(candidate, tokens);
    if (best.slot < 0 || usable > best.cached ||
        (usable == best.cached && candidate.last_used < At(best.slot).last_used)) {
      best = {slot, usable};
    }
  }
  if (best.slot < 0) {
    return Fail(ErrorCode::kResourceExhausted, "kv", "slots: expected a free one of {}, got none",
                limits_.max_slots);
  }
  const int forgotten = At(best.slot).length() - best.cached;
  if (empty >= 0 && forgotten > best.cached) return Admission{empty, 0};
  return best;
}

void SlotKv::Start(const Admission& admission) {
  Slot& slot = At(admission.slot);
  if (admission.cached == 0) {
    if (!slot.tokens.empty()) ++counts_.evictions;
    slot.written = 0;
  }
  slot.live = true;
  slot.reserved = admission.cached;
  slot.tokens.resize(static_cast<size_t>(admission.cached));
}

Result<Admission> SlotKv::Admit(std::span<const int32_t> tokens) {
  if (tokens.empty() || static_cast<int64_t>(tokens.size()) > limits_.max_position) {
    return Invalid("tokens: expected 1 to {}, got {}", limits_.max_position, tokens.size());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Admission admission, Choose(tokens));
  Start(admission);
  ++counts_.admissions;
  counts_.looked_up_tokens += static_cast<int64_t>(tokens.size());
  counts_.reused_tokens += admission.cached;
  if (admission.cached > 0) ++counts_.hits;
  return admission;
}

Result<Admission> SlotKv::Fork(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  if (length < 1 || length > At(slot).length()) {
    return Invalid("slot {}: expected a length of 1 to {}, got {}", slot, At(slot).length(),
                   length);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Admission admission, Choose({}));
  Start(admission);
  ++counts_.forks;
  return admission;
}

Status SlotKv::Reserve(int slot, int end) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  if (end < 0 || end > limits_.max_position) {
    return Invalid("slot {}: expected a length of at most {}, got {}", slot, limits_.max_position,
                   end);
  }
  Slot& sequence = At(slot);
  const int written = std::max(sequence.written, end);
  if (!SeesIntact(sequence.length(), written)) {
    return Invalid("slot {}: expected at most {} positions from {} on, got {}", slot,
                   MostSpanRows(limits_), sequence.length(), end - sequence.length());
  }
  sequence.written = written;
  sequence.reserved = std::max(sequence.reserved, end);
  return {};
}

void SlotKv::FillPages(const Span&, StepPlan&) const {}

Status SlotKv::Commit(int slot, std::span<const int32_t> tokens) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Slot& sequence = At(slot);
  const auto size = static_cast<int64_t>(tokens.size());
  if (size < sequence.length() || size > sequence.reserved) {
    return Invalid("slot {}: expected a length of {} to {}, got {}", slot, sequence.length(),
                   sequence.reserved, size);
  }
  sequence.tokens.insert(sequence.tokens.end(), tokens.begin() + sequence.length(), tokens.end());
  return {};
}

Status SlotKv::Truncate(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Slot& sequence = At(slot);
  if (length < 0 || length > sequence.reserved) {
    return Invalid("slot {}: expected a length of 0 to {}, got {}", slot, sequence.reserved,
                   length);
  }
  // A text that begins anew sees nothing of what was there.
  if (length > 0 && !SeesIntact(length, sequence.written)) {
    return Invalid("slot {}: expected a length whose window is still there, got {} of {}", slot,
                   length, sequence.written);
  }
  if (length == 0) sequence.written = 0;
  sequence.reserved = length;
  sequence.tokens.resize(std::min(sequence.tokens.size(), static_cast<size_t>(length)));
  return {};
}

Status SlotKv::Release(int slot) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Slot& sequence = At(slot);
  sequence.live = false;
  sequence.last_used = ++clock_;
  if (!prefix_cache_) sequence.tokens.clear();
  return {};
}

KvStatistics SlotKv::statistics() const {
  KvStatistics statistics = counts_;
  KvStatistics::Pages slots{"slots", limits_.max_slots, 0, 0, 0};
  for (const Slot& slot : slots_) {
    ++(slot.live ? slots.held : slot.tokens.empty() ? slots.free : slots.cached);
  }
  statistics.pages.push_back(std::move(slots));
  return statistics;
}

Status SlotKv::CheckInvariants() const {
  for (size_t s = 0; s < slots_.size(); ++s) {
    const Slot& slot = slots_[s];
    if (!slot.live) continue;
    if (slot.length() > slot.reserved || slot.reserved > slot.written ||
        slot.written > limits_.max_position || !SeesIntact(slot.length(), slot.written)) {
      return Fail(ErrorCode::kInternal, "kv",
                  "slot {}: expected committed, reserved and written positions in order, "
                  "got {}, {} and {}",
                  s, slot.length(), slot.reserved, slot.written);
    }
  }
  return {};
}

}  // namespace fairlead
