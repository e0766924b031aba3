// Every plan is valid, spends the whole budget, and lets decoding go first.
#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "runtime/paged_kv.h"
#include "tests/runtime/fake_executor.h"

namespace fairlead {
namespace {

const std::vector<int32_t> kTokens(1000, 3);

PendingTokens Pending(int slot, int cached, int length, uint64_t last_step = 0) {
  return {slot, cached, std::span(kTokens).first(static_cast<size_t>(length)), last_step};
}

TEST(Scheduler, DecodingGoesBeforePromptsAndPromptsAreCutAtTheBudget) {
  const std::vector<PendingTokens> pending = {Pending(0, 0, 100), Pending(1, 20, 21),
                                              Pending(2, 5, 10), Pending(3, 30, 31)};
  const std::vector<RowShare> shares = ShareRows(pending, 50);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].index, 1u);
  EXPECT_EQ(shares[1].index, 3u);
  EXPECT_EQ(shares[2].index, 0u);
  EXPECT_EQ(shares[2].count, 48);
  EXPECT_TRUE(shares[0].reaches_end && shares[1].reaches_end);
  EXPECT_FALSE(shares[2].reaches_end);
}

TEST(Scheduler, WithABudgetOfOneDecodingSequencesTakeTurns) {
  std::vector<PendingTokens> pending;
  for (int slot = 0; slot < 4; ++slot) pending.push_back(Pending(slot, 10, 11));
  std::vector<size_t> order;
  for (uint64_t step = 1; step <= 8; ++step) {
    const std::vector<RowShare> shares = ShareRows(pending, 1);
    ASSERT_EQ(shares.size(), 1u);
    order.push_back(shares[0].index);
    pending[shares[0].index].last_step = step;
  }
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 0, 1, 2, 3}));
}

TEST(Scheduler, ASequenceWithNothingToRunGetsNoRow) {
  EXPECT_TRUE(ShareRows(std::vector<PendingTokens>{Pending(0, 8, 8)}, 4).empty());
  EXPECT_TRUE(ShareRows({}, 4).empty());
}

TEST(Scheduler, APlanWithoutPagesFailsLikeReserve) {
  const ModelFacts facts = testing::FakeFacts();
  PagedKv kv(facts, {64, 1, 1024, {1, 1}});
  ASSERT_TRUE(kv.Admit(0, {}, 1));
  const std::vector<PendingTokens> pending = {Pending(0, 0, 40)};
  const Result<StepPlan> plan = BuildPlan(pending, ShareRows(pending, 64), kv);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kResourceExhausted);
}

TEST(Scheduler, EveryPlanOfRandomSequencesIsValidAndSpendsTheBudget) {
  const ModelFacts facts = testing::FakeFacts();
  std::mt19937 random(7);
  const auto below = [&random](int end) { return static_cast<int>(random() % end); };
  for (int round = 0; round < 200; ++round) {
    const int max_rows = 1 + below(80);
    const int slots = 1 + below(8);
    const testing::FakeExecutor executor({.max_rows = max_rows, .max_slots = slots});
    const Capabilities& limits = executor.capabilities();
    PagedKv kv(facts, limits);
    std::vector<PendingTokens> pending;
    for (int slot = 0; slot < slots; ++slot) {
      pending.push_back(Pending(slot, 0, 1 + below(200)));
      ASSERT_TRUE(kv.Admit(slot, pending.back().tokens, 200));
    }
    for (int remaining = 1; remaining > 0;) {
      const std::vector<RowShare> shares = ShareRows(pending, max_rows);
      const Result<StepPlan> plan = BuildPlan(pending, shares, kv);
      ASSERT_TRUE(plan) << plan.error().message;
      const Status valid = ValidatePlan(*plan, facts, limits);
      ASSERT_TRUE(valid) << valid.error().message;
      int before = 0;
      for (const PendingTokens& p : pending) before += static_cast<int>(p.tokens.size()) - p.cached;
      EXPECT_EQ(static_cast<int>(plan->token_ids.size()), std::min(max_rows, before));
      std::set<size_t> indices;
      for (const RowShare& share : shares) {
        EXPECT_TRUE(indices.insert(share.index).second) << "two shares for one sequence";
        PendingTokens& p = pending[share.index];
        p.cached += share.count;
        EXPECT_EQ(share.reaches_end, p.cached == static_cast<int>(p.tokens.size()));
        ASSERT_TRUE(kv.Commit(p.slot, p.cached));
      }
      remaining = before - static_cast<int>(plan->token_ids.size());
    }
  }
}

}  // namespace
}  // namespace fairlead
