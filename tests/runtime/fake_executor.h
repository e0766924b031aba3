// An executor without a model: the logits of a row are a hash of the token ids it can see, which it
// reads back through the page tables, or from the rings of its slot. A wrong table, a page used
// twice, a page given up too early or a position that a ring has lost therefore changes the output.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "backends/backend.h"

namespace fairlead::testing {

// Two KV groups: "full", and "sliding" with this window.
inline constexpr int kFakeWindow = 40;
inline constexpr int kFakeVocabulary = 50;
ModelFacts FakeFacts(int window = kFakeWindow);

// The limits of a fake executor, as in ExecutorOptions.
struct FakeLimits {
  int max_rows = 64;
  int max_slots = 1;
  int64_t max_position = 0;
  std::vector<int> kv_pages = {};
  // Per group; when given, positions lie in slots. Rows are padded to the shape and the padding
  // writes to a slot of its own.
  std::vector<int> slot_positions = {};
  std::vector<StepShape> shapes = {};
  int window = kFakeWindow;
};

class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(const FakeLimits& limits);

  const Capabilities& capabilities() const override { return limits_; }
  // Runs ValidatePlan, then counts.
  Result<StepResult> Step(const StepPlan& plan) override;
  void SetTap(ValueTap* tap) override { tap_ = tap; }

  const ModelFacts& facts() const { return facts_; }
  const std::vector<StepPlan>& plans() const { return plans_; }
  ValueTap* tap() const { return tap_; }

  // Called with every output row's token ids seen so far and its logits, which it may change.
  std::function<void(const std::vector<int32_t>&, std::span<float>)> change_logits;
  // When set, Step fails with it.
  Status failure;

 private:
  int32_t& Cell(size_t group, const StepPlan& plan, size_t span, int position);
  // The cell of a position in a slot's ring; slot max_slots is the spare one.
  int32_t& RingCell(size_t group, int slot, int position);
  // What a program of fixed shape computes besides the plan's rows.
  void WritePadding(const StepPlan& plan);
  std::vector<int32_t> Visible(size_t group, const StepPlan& plan, size_t span, int position);

  ModelFacts facts_;
  Capabilities limits_;
  // Token ids, by group and page * kPageTokens + offset or slot * ring + place.
  std::vector<std::vector<int32_t>> cells_;
  std::vector<StepPlan> plans_;
  ValueTap* tap_ = nullptr;
};

// The logits that FakeExecutor gives after `tokens`, computed without pages or steps.
std::vector<float> FakeLogits(std::span<const int32_t> tokens, int window = kFakeWindow);

}  // namespace fairlead::testing
