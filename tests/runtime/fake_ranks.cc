#include "tests/runtime/fake_ranks.h"

#include <chrono>

#include "backends/step_plan_wire.h"

namespace fairlead::testing {
namespace {

class FakeRank final : public Executor {
 public:
  FakeRank(std::shared_ptr<const Program> program, const ExecutorOptions& options, RankNotes& notes,
           std::atomic<int>& alive)
      : program_(std::move(program)),
        group_(options.group),
        notes_(notes),
        alive_(alive),
        executor_({options.max_rows, options.max_slots, options.max_position, options.kv_pages}) {
    ++alive_;
  }
  ~FakeRank() override { --alive_; }

  const Capabilities& capabilities() const override { return executor_.capabilities(); }
  void SetTap(ValueTap* tap) override { tap_ = tap; }

  Result<StepResult> Step(const StepPlan& plan) override {
    const bool fails = static_cast<int>(notes_.plans.size()) == notes_.fails_in_step;
    notes_.plans.push_back(SerialisePlan(plan));
    const auto failure = Fail(ErrorCode::kIo, "fake", "step: expected luck, got none");
    if (fails && notes_.fails_before_meeting) return failure;
    if (group_) FAIRLEAD_RETURN_IF_ERROR(group_->Barrier());
    if (fails) return failure;
    for (const ValueInfo& value : program_->graph.values) {
      FAIRLEAD_RETURN_IF_ERROR(Compute(value, static_cast<int64_t>(plan.token_ids.size())));
    }
    return executor_.Step(plan);
  }

 private:
  // The rank's columns of a value, shown to the tap and noted.
  Status Compute(const ValueInfo& value, int64_t rows) {
    if (value.name == notes_.slow_value) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::vector<std::byte> bytes;
    for (int64_t row = 0; row < rows; ++row) {
      for (const Range& range : value.columns.ranges()) {
        for (int64_t i = range.start; i < range.start + range.count; ++i) {
          const float number = FakeValue(row, i);
          const auto whole = static_cast<int32_t>(number);
          const auto element = value.type.element == ElementType::kFloat
                                   ? std::as_bytes(std::span(&number, 1))
                                   : std::as_bytes(std::span(&whole, 1));
          bytes.insert(bytes.end(), element.begin(), element.end());
        }
      }
    }
    if (tap_ != nullptr && tap_->Wants(value.name)) {
      const bool is_float = value.type.element == ElementType::kFloat;
      FAIRLEAD_RETURN_IF_ERROR(tap_->Visit(value.name, is_float ? DType::kF32 : DType::kI32,
                                           {rows, value.columns.count()}, bytes));
    }
    notes_.values[value.name] = std::move(bytes);
    return {};
  }

  std::shared_ptr<const Program> program_;
  std::shared_ptr<Group> group_;
  RankNotes& notes_;
  std::atomic<int>& alive_;
  FakeExecutor executor_;
  ValueTap* tap_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Executor>> FakeRanks::Load(std::shared_ptr<const Program> program,
                                                  const ExecutorOptions& options) const {
  RankNotes& notes = notes_[options.group ? static_cast<size_t>(options.group->rank()) : 0];
  notes.threads = options.threads;
  notes.loaded_by = std::this_thread::get_id();
  if (notes.fails_to_load) return Fail(ErrorCode::kIo, "fake", "load: expected luck, got none");
  return std::make_unique<FakeRank>(std::move(program), options, notes, alive_);
}

std::shared_ptr<const Program> FakeProgram(const std::vector<ValueInfo>& values) {
  auto program = std::make_shared<Program>();
  program->facts = FakeFacts();
  program->graph.values = values;
  return program;
}

}  // namespace fairlead::testing
