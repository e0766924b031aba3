// Every step spends what it may, decoding goes first, and nobody waits for ever.
#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace fairlead {
namespace {

Capabilities Ragged(int max_rows) { return {.max_rows = max_rows, .max_slots = 8}; }

// One sequence at a time in chunks of 16, or 4 sequences with one or with 4 tokens each.
Capabilities Rectangles() {
  Capabilities limits = Ragged(16);
  limits.shapes = {{1, 16}, {4, 1}, {4, 4}};
  return limits;
}

std::vector<std::pair<size_t, int>> Counts(const std::vector<RowShare>& shares) {
  std::vector<std::pair<size_t, int>> counts;
  for (const RowShare& share : shares) counts.emplace_back(share.index, share.count);
  return counts;
}
using Pairs = std::vector<std::pair<size_t, int>>;

TEST(Scheduler, DecodingGoesBeforePromptsAndPromptsAreCutAtTheBudget) {
  const std::vector<PendingTokens> pending = {
      {.remaining = 100}, {.remaining = 1}, {.remaining = 5}, {.remaining = 1}};
  const std::vector<RowShare> shares = ShareRows(pending, Ragged(50), {.mixed_prompt_rows = 1000});
  EXPECT_EQ(Counts(shares), (Pairs{{1, 1}, {3, 1}, {0, 48}}));
  EXPECT_EQ(shares[0].outputs, 1);
  EXPECT_EQ(shares[2].outputs, 0);  // the prompt goes on
}

TEST(Scheduler, PromptsBesideDecodingAreCutToWhatStreamsMayWait) {
  std::vector<PendingTokens> pending = {{.remaining = 100}, {.remaining = 1}, {.remaining = 5}};
  const SharePolicy policy{.mixed_prompt_rows = 8};
  EXPECT_EQ(Counts(ShareRows(pending, Ragged(64), policy)), (Pairs{{1, 1}, {0, 8}}));
  pending[1].remaining = 30;  // nobody decodes: the whole budget
  EXPECT_EQ(Counts(ShareRows(pending, Ragged(64), policy)), (Pairs{{0, 64}}));
}

TEST(Scheduler, WhoWaitedLongestComesFirst) {
  const std::vector<PendingTokens> pending = {{.remaining = 1, .last_step = 9},
                                              {.remaining = 1, .last_step = 7},
                                              {.remaining = 40, .last_step = 8},
                                              {.remaining = 40, .last_step = 3},
                                              {.remaining = 1, .last_step = 8}};
  const SharePolicy policy{.mixed_prompt_rows = 100};
  EXPECT_EQ(Counts(ShareRows(pending, Ragged(2), policy)), (Pairs{{1, 1}, {4, 1}}));
  EXPECT_EQ(Counts(ShareRows(pending, Ragged(53), policy)),
            (Pairs{{1, 1}, {4, 1}, {0, 1}, {3, 40}, {2, 10}}));
}

TEST(Scheduler, HigherPriorityComesFirstWithinItsKind) {
  const std::vector<PendingTokens> pending = {{.remaining = 30},
                                              {.remaining = 30, .priority = 2, .last_step = 5},
                                              {.remaining = 1},
                                              {.remaining = 1, .priority = -1}};
  EXPECT_EQ(Counts(ShareRows(pending, Ragged(20), {.mixed_prompt_rows = 100})),
            (Pairs{{2, 1}, {3, 1}, {1, 18}}));
}

TEST(Scheduler, DraftedTokensShareWhatOthersLeave) {
  std::vector<PendingTokens> pending = {
      {.remaining = 1, .drafted = 4}, {.remaining = 1}, {.remaining = 1, .drafted = 2}};
  std::vector<RowShare> shares = ShareRows(pending, Ragged(8), {.mixed_prompt_rows = 100});
  EXPECT_EQ(Counts(shares), (Pairs{{0, 3}, {1, 1}, {2, 3}}));
  EXPECT_EQ(shares[0].outputs, 3);
  EXPECT_EQ(shares[1].outputs, 1);
  shares = ShareRows(pending, Ragged(100), {.mixed_prompt_rows = 3});
  EXPECT_EQ(Counts(shares), (Pairs{{0, 2}, {1, 1}, {2, 3}}));
  pending.push_back({.remaining = 5});
  shares = ShareRows(pending, Ragged(10), {.mixed_prompt_rows = 100});
  EXPECT_EQ(Counts(shares), (Pairs{{0, 2}, {1, 1}, {2, 2}, {3, 5}}));
  EXPECT_EQ(shares[3].outputs, 1);
}

TEST(Scheduler, EverySequenceIsServedInTheEnd) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    std::vector<PendingTokens> pending(1 + random() % 8);
    for (PendingTokens& sequence : pending) {
      sequence.remaining = 1 + static_cast<int>(random() % 60);
    }
    const Capabilities limits = Ragged(1 + static_cast<int>(random() % 40));
    std::vector<int> left;
    for (const PendingTokens& sequence : pending) left.push_back(sequence.remaining);
    for (int step = 1; !left.empty(); ++step) {
      ASSERT_LT(step, 1000);
      std::vector<PendingTokens> now;
      std::vector<size_t> which;
      for (size_t i = 0; i < left.size(); ++i) {
        if (left[i] == 0) continue;
        now.push_back(pending[i]);
        now.back().remaining = left[i];
        which.push_back(i);
      }
      if (now.empty()) break;
      int rows = 0;
      for (const RowShare& share : ShareRows(now, limits, {.mixed_prompt_rows = 3})) {
        ASSERT_GE(share.count, 1);
        ASSERT_LE(share.count, now[share.index].remaining);
        EXPECT_EQ(share.outputs, share.count == now[share.index].remaining ? 1 : 0);
        left[which[share.index]] -= share.count;
        pending[which[share.index]].last_step = step;
        rows += share.count;
      }
      ASSERT_GE(rows, 1);
      ASSERT_LE(rows, limits.max_rows);
    }
  }
}

TEST(Scheduler, StepsOfFixedShapeDoOneOrTheOther) {
  const std::vector<PendingTokens> pending = {
      {.remaining = 100}, {.remaining = 1, .drafted = 7}, {.remaining = 1}};
  const std::vector<RowShare> decode = ShareRows(pending, Rectangles(), {.prompts_next = false});
  EXPECT_EQ(Counts(decode), (Pairs{{1, 4}, {2, 1}}));
  EXPECT_EQ(decode[0].outputs, 4);
  const std::vector<RowShare> prompt = ShareRows(pending, Rectangles(), {.prompts_next = true});
  EXPECT_EQ(Counts(prompt), (Pairs{{0, 16}}));
  EXPECT_EQ(prompt[0].outputs, 0);
}

TEST(Scheduler, FixedShapesFallBackToTheKindThereIs) {
  const std::vector<PendingTokens> prompts = {{.remaining = 10}, {.remaining = 20}};
  EXPECT_EQ(Counts(ShareRows(prompts, Rectangles(), {.prompts_next = false})), (Pairs{{0, 10}}));
  const std::vector<PendingTokens> decoding(6, {.remaining = 1});
  EXPECT_EQ(ShareRows(decoding, Rectangles(), {.prompts_next = true}).size(), 4u);
}

}  // namespace
}  // namespace fairlead
