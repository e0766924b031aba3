// Which executors are accepted, and which plans theirs are.
#include "runtime/run_plan.h"

#include <gtest/gtest.h>

#include "tests/runtime/fake_executor.h"

namespace fairlead {
namespace {

// An executor that claims these limits.
class Claims final : public Executor {
 public:
  explicit Claims(Capabilities limits) : limits_(std::move(limits)) {}
  const Capabilities& capabilities() const override { return limits_; }
  Result<StepResult> Step(const StepPlan&) override { return StepResult{}; }
  void SetTap(ValueTap*) override {}

 private:
  Capabilities limits_;
};

const ModelFacts kFacts = testing::FakeFacts();  // window 40

Capabilities Slots(int ring) {
  Capabilities limits{64, 4, 500};
  limits.slot_positions = {500, ring};
  limits.shapes = {{1, 16}, {4, 2}};
  return limits;
}

std::string Refusal(const Capabilities& limits) {
  const Status status = CheckExecutor(Claims(limits), kFacts);
  return status ? "" : status.error().message;
}

TEST(CheckExecutor, ARingHoldsAWindowAndTheRowsOfTheLargestStep) {
  EXPECT_EQ(Refusal(Slots(55)), "");
  EXPECT_EQ(Refusal(Slots(54)),
            "[executor] positions of a slot in group sliding: expected at least 55, got 54");
  Capabilities any = Slots(55);
  any.shapes.clear();
  EXPECT_EQ(Refusal(any),
            "[executor] positions of a slot in group sliding: expected at least 103, got 55");
  Capabilities full = Slots(55);
  full.slot_positions[0] = 499;
  EXPECT_EQ(Refusal(full),
            "[executor] positions of a slot in group full: expected at least 500, got 499");
  full.max_position = 30;
  full.slot_positions = {30, 30};
  EXPECT_EQ(Refusal(full), "") << "nothing is ever overwritten";
}

TEST(CheckExecutor, TheCacheIsEitherPagesOrSlotsOfEveryGroup) {
  EXPECT_EQ(Refusal({64, 4, 500, {4, 4}}), "");
  EXPECT_EQ(Refusal({64, 4, 500, {4}}), "[executor] pages: expected 2 KV groups, got 1");
  EXPECT_EQ(Refusal({64, 4, 500, {4, 0}}),
            "[executor] pages of group sliding: expected at least 1, got 0");
  Capabilities limits = Slots(55);
  limits.kv_pages = {4, 4};
  EXPECT_EQ(Refusal(limits), "[executor] cache: expected pages or slots, got 2 and 2 KV groups");
  limits = Slots(55);
  limits.slot_positions.pop_back();
  EXPECT_EQ(Refusal(limits), "[executor] slots: expected 2 KV groups, got 1");
  limits = Slots(55);
  limits.shapes.push_back({0, 4});
  EXPECT_EQ(Refusal(limits), "[executor] shape: expected spans and tokens, got 0 x 4");
}

// One span for each count, in slots 0, 1, ...
StepPlan PlanOf(const std::vector<int>& counts) {
  StepPlan plan;
  for (int count : counts) {
    plan.spans.push_back({static_cast<int>(plan.spans.size()), 0, count});
    plan.token_ids.insert(plan.token_ids.end(), static_cast<size_t>(count), 1);
  }
  return plan;
}

std::string Refusal(const StepPlan& plan) {
  const Status status = ValidatePlan(plan, kFacts, Slots(55));
  return status ? "" : status.error().message;
}

TEST(ValidatePlan, APlanFitsOneOfTheShapes) {
  EXPECT_EQ(Refusal(PlanOf({16})), "");
  EXPECT_EQ(Refusal(PlanOf({1})), "");
  EXPECT_EQ(Refusal(PlanOf({2, 1, 2, 2})), "");
  EXPECT_EQ(Refusal(PlanOf({3, 1})),
            "[step] shape: expected one of 1 x 16, 4 x 2, got 2 spans of up to 3 tokens");
  EXPECT_EQ(Refusal(PlanOf({17})),
            "[step] shape: expected one of 1 x 16, 4 x 2, got 1 spans of up to 17 tokens");
}

TEST(ValidatePlan, SlotsHaveNoPageTables) {
  StepPlan plan = PlanOf({1});
  plan.pages.resize(2);
  EXPECT_EQ(Refusal(plan), "[step] pages: expected none for slots, got 2 groups");
  EXPECT_FALSE(ValidatePlan(PlanOf({1}), kFacts, {64, 4, 500, {4, 4}})) << "pages need them";
}

TEST(ValidatePlan, ASequenceHasOneSpan) {
  StepPlan plan = PlanOf({1, 1, 1});
  plan.spans[2].slot = 0;
  plan.spans[2].start_position = 1;
  EXPECT_EQ(Refusal(plan), "[step] slot 0: expected one span, got two");
  EXPECT_EQ(ValidatePlan(plan, kFacts, {64, 4, 500, {4, 4}}).error().message,
            "[step] slot 0: expected one span, got two");
}

}  // namespace
}  // namespace fairlead
