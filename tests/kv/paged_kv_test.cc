// What a sequence is given and what it gives up, page by page.
#include "runtime/kv/paged_kv.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/kv/kv_texts.h"

namespace fairlead {
namespace {

using testing::Grow;
using testing::Text;

ModelFacts Facts(std::vector<int> windows) {
  ModelFacts facts;
  facts.vocabulary_size = 100;
  facts.max_positions = 1000;
  for (int window : windows) {
    facts.kv_groups.push_back({window == 0 ? "full" : "sliding", window, 1, 1, 1});
  }
  return facts;
}

Capabilities Limits(int max_rows, int max_slots, std::vector<int> pages) {
  return {max_rows, max_slots, 1000, std::move(pages)};
}

ErrorCode CodeOf(const Status& status) { return status.error().code; }

KvStatistics::Pages PagesOf(const PagedKv& kv, size_t group) {
  EXPECT_TRUE(kv.CheckInvariants()) << kv.CheckInvariants().error().message;
  return kv.statistics().pages[group];
}

// A lone sequence in slot 0 that has run up to `length` in steps of `max_rows`.
PagedKv SequenceOf(const ModelFacts& facts, const Capabilities& limits, int length) {
  PagedKv kv(facts, limits);
  EXPECT_TRUE(kv.Admit(Text(1, length)));
  Grow(kv, 0, Text(1, length), 0, limits.max_rows);
  return kv;
}

TEST(PagedKv, ASlidingPageIsKeptUntilAllOfItLiesBelowLengthMinusWindow) {
  const ModelFacts facts = Facts({0, 40});
  const Capabilities limits = Limits(16, 1, {40, 40});
  // Page 0 holds positions 0 to 31: the last of them is below length - 40 from length 72 on.
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 71), 1).held, 3);
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 72), 1).held, 2);
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 103), 1).held, 3);
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 104), 1).held, 2);
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 104), 1).cached, 2);
  EXPECT_EQ(PagesOf(SequenceOf(facts, limits, 104), 0).held, 4);
}

TEST(PagedKv, ReservingAloneGivesUpNothing) {
  PagedKv kv = SequenceOf(Facts({40}), Limits(16, 1, {40}), 71);
  ASSERT_TRUE(kv.Reserve(0, 87));
  EXPECT_EQ(PagesOf(kv, 0).held, 3);
  ASSERT_TRUE(kv.Truncate(0, 71));
  StepPlan plan;
  kv.FillPages({0, 71, 1}, plan);
  EXPECT_EQ(plan.pages[0].first_page, std::vector<int32_t>{1});  // sees 32 and later
  EXPECT_EQ(plan.pages[0].pages.size(), 2u);
}

TEST(PagedKv, FillPagesListsJustThePagesASpanTouches) {
  PagedKv kv = SequenceOf(Facts({0, 40}), Limits(64, 1, {40, 40}), 100);
  ASSERT_TRUE(kv.Reserve(0, 130));
  StepPlan plan;
  kv.FillPages({0, 100, 30}, plan);
  EXPECT_EQ(plan.pages[0].first_page[0], 0);
  EXPECT_EQ(plan.pages[0].pages.size(), 5u);
  EXPECT_EQ(plan.pages[1].first_page[0], 1);  // position 100 sees 61 to 100
  EXPECT_EQ(plan.pages[1].pages.size(), 4u);
}

TEST(PagedKv, TruncateRefusesWhatTheWindowNoLongerHolds) {
  PagedKv kv = SequenceOf(Facts({40}), Limits(16, 1, {40}), 100);  // page 0 was given up
  EXPECT_TRUE(kv.Truncate(0, 71));                                 // sees 32 to 71
  EXPECT_EQ(CodeOf(kv.Truncate(0, 70)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(kv.Truncate(0, 0)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(kv.Truncate(0, 72)), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(kv.CheckInvariants());
}

TEST(PagedKv, WhatAdmitSetAsideIsNotGivenToOthers) {
  PagedKv kv(Facts({0}), Limits(16, 2, {4}));
  ASSERT_TRUE(kv.Admit(Text(1, 96)));
  const Result<Admission> too_long = kv.Admit(Text(2, 33));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(too_long.error().message, "[kv] group full: expected 2 free pages, got 1");
  ASSERT_EQ(kv.Admit(Text(2, 32)).value().slot, 1);
  EXPECT_EQ(CodeOf(kv.Reserve(1, 33)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(kv.Reserve(0, 96));
  EXPECT_TRUE(kv.Reserve(1, 32));
  EXPECT_EQ(CodeOf(kv.Reserve(0, 97)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(kv.CheckInvariants());
}

TEST(PagedKv, ASequenceMayOutgrowItsPromiseWhereThereIsRoom) {
  PagedKv kv(Facts({0}), Limits(16, 2, {4}));
  ASSERT_TRUE(kv.Admit(Text(1, 20)));
  Grow(kv, 0, Text(1, 128), 0, 16);
  EXPECT_EQ(CodeOf(kv.Reserve(0, 129)), ErrorCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(kv.Admit(Text(2, 1)).map([](auto) {})), ErrorCode::kResourceExhausted);
}

TEST(PagedKv, CheckFitsKnowsThatASlidingGroupNeedsOnlyItsWindow) {
  // 40 + 16 neighbours touch at most 3 pages.
  EXPECT_TRUE(PagedKv(Facts({40}), Limits(16, 1, {3})).CheckFits(1000));
  EXPECT_EQ(CodeOf(PagedKv(Facts({40}), Limits(16, 1, {2})).CheckFits(1000)),
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(PagedKv(Facts({0}), Limits(16, 1, {3})).CheckFits(96));
  EXPECT_FALSE(PagedKv(Facts({0}), Limits(16, 1, {3})).CheckFits(97));
  EXPECT_EQ(CodeOf(PagedKv(Facts({0}), Limits(16, 1, {99})).CheckFits(1001)),
            ErrorCode::kInvalidArgument);
}

TEST(PagedKv, RefusesSlotsAndLengthsOutOfRange) {
  PagedKv kv(Facts({0}), Limits(16, 1, {40}));
  EXPECT_FALSE(kv.Admit({}));
  EXPECT_FALSE(kv.Admit(Text(1, 1001)));
  for (int slot : {-1, 0, 1}) {
    EXPECT_EQ(CodeOf(kv.Reserve(slot, 1)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Commit(slot, {})), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Truncate(slot, 0)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Release(slot)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(kv.Fork(slot, 1).error().code, ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(kv.Admit(Text(1, 1000)));
  EXPECT_EQ(kv.Admit(Text(1, 1)).error().message, "[kv] slots: expected a free one of 1, got none");
  EXPECT_EQ(CodeOf(kv.Reserve(0, 1001)), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(kv.Reserve(0, 10));
  EXPECT_EQ(CodeOf(kv.Commit(0, Text(1, 11))), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(kv.Commit(0, Text(1, 5)));
  EXPECT_EQ(CodeOf(kv.Commit(0, Text(1, 4))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(kv.Fork(0, 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(kv.Fork(0, 6).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace fairlead
