// What is found in a slot again, and which slot a sequence is given.
#include "runtime/kv/slot_kv.h"

#include <gtest/gtest.h>

#include "tests/kv/kv_texts.h"

namespace fairlead {
namespace {

using testing::First;
using testing::Grow;
using testing::Joined;
using testing::Live;
using testing::Text;

constexpr int kWindow = 40;
constexpr int kRows = 16;
constexpr int kRing = kWindow + kRows - 1;  // as small as can be

SlotKv SomeKv(int slots, int ring = kRing, bool prefix_cache = true) {
  ModelFacts facts;
  facts.kv_groups = {{"full", 0, 1, 1, 1}, {"sliding", kWindow, 1, 1, 1}};
  Capabilities limits{kRows, slots, 500};
  limits.slot_positions = {500, ring};
  return {facts, limits, prefix_cache};
}

TEST(SlotKv, ATextIsFoundInItsSlotUpToAnyPosition) {
  SlotKv kv = SomeKv(1);
  const std::vector<int32_t> text = Text(1, 100);
  EXPECT_EQ(Live(kv, text, text, kRows), 0);
  EXPECT_EQ(Live(kv, Joined(text, Text(2, 20)), Joined(text, Text(2, 20)), kRows), 100);
  EXPECT_EQ(Live(kv, Joined(First(text, 99), Text(3, 20)), Text(3, 0), kRows), 0)
      << "the ring has lost what position 99 sees";
}

TEST(SlotKv, TheLastTokenIsLeftToRun) {
  SlotKv kv = SomeKv(1);
  const std::vector<int32_t> text = Text(1, 100);
  Live(kv, text, text, kRows);
  EXPECT_EQ(Live(kv, text, text, kRows), 99);
}

TEST(SlotKv, ReuseEndsWhereTheRingHasLostWhatIsSeen) {
  const std::vector<int32_t> text = Text(1, 100);
  // Position P sees from P - 39 on. The ring holds 100 - 55 = 45 and later: so P is at least 84.
  for (int length : {83, 84}) {
    SlotKv kv = SomeKv(1);
    Live(kv, text, text, kRows);
    const std::vector<int32_t> other = Joined(First(text, length), {{99}});
    EXPECT_EQ(kv.Admit(other).value().cached, length == 84 ? 84 : 0);
    EXPECT_TRUE(kv.CheckInvariants());
  }
}

TEST(SlotKv, RejectedDraftsOverwriteToo) {
  const std::vector<int32_t> text = Text(1, 100);
  for (int drafts : {0, 15}) {
    SlotKv kv = SomeKv(1);
    ASSERT_TRUE(kv.Admit(text));
    Grow(kv, 0, text, 0, 4);
    ASSERT_TRUE(kv.Reserve(0, 100 + drafts));
    ASSERT_TRUE(kv.Truncate(0, 100));
    ASSERT_TRUE(kv.Release(0));
    // With drafts up to 114 the ring begins at 60: too late for position 98.
    EXPECT_EQ(kv.Admit(Joined(First(text, 98), {{99}})).value().cached, drafts == 0 ? 98 : 0);
  }
}

TEST(SlotKv, WhatAnEarlierTextOverwroteIsNotFoundByAThird) {
  SlotKv kv = SomeKv(1, kRing + 100);
  const std::vector<int32_t> text = Text(1, 400);
  Live(kv, text, text, kRows);
  // The ring begins at 400 - 155 = 245, whatever shorter text came after.
  const std::vector<int32_t> second = Joined(First(text, 300), Text(2, 10));
  EXPECT_EQ(Live(kv, second, second, kRows), 300);
  EXPECT_EQ(Live(kv, Joined(First(text, 283), {{99}}), {}, kRows), 0);
}

TEST(SlotKv, ALongerBeginningIsPreferredThenTheSlotUsedLeastRecently) {
  SlotKv kv = SomeKv(3);
  for (uint32_t text : {1u, 2u, 3u}) {
    ASSERT_TRUE(kv.Admit(Text(text, 50)));
    Grow(kv, static_cast<int>(text) - 1, Text(text, 50), 0, kRows);
  }
  for (int slot : {1, 0, 2}) ASSERT_TRUE(kv.Release(slot));
  EXPECT_EQ(kv.Admit(Joined(Text(3, 50), {{1}})).value().slot, 2);
  EXPECT_EQ(kv.Admit(Text(9, 50)).value().slot, 1);
  EXPECT_EQ(kv.Admit(Text(9, 50)).value().slot, 0);
  EXPECT_EQ(kv.Admit(Text(9, 50)).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(kv.statistics().evictions, 2);
}

TEST(SlotKv, AnEmptySlotIsPreferredToForgettingMoreThanIsReused) {
  SlotKv kv = SomeKv(2, 500);
  const std::vector<int32_t> text = Text(1, 100);
  Live(kv, text, text, kRows);
  const Admission little = kv.Admit(Joined(First(text, 49), Text(2, 20))).value();
  EXPECT_EQ(little.slot, 1);
  EXPECT_EQ(little.cached, 0);
  const Admission much = kv.Admit(Joined(First(text, 50), Text(2, 20))).value();
  EXPECT_EQ(much.slot, 0);
  EXPECT_EQ(much.cached, 50);
}

TEST(SlotKv, AForkSharesNothing) {
  SlotKv kv = SomeKv(2);
  const std::vector<int32_t> text = Text(1, 100);
  ASSERT_TRUE(kv.Admit(text));
  Grow(kv, 0, text, 0, kRows);
  const Admission fork = kv.Fork(0, 100).value();
  EXPECT_EQ(fork.slot, 1);
  EXPECT_EQ(fork.cached, 0);
  EXPECT_EQ(kv.Fork(0, 100).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(kv.Fork(0, 101).error().code, ErrorCode::kInvalidArgument);
}

TEST(SlotKv, TruncateRefusesWhatTheRingHasLost) {
  SlotKv kv = SomeKv(1);
  ASSERT_TRUE(kv.Admit(Text(1, 100)));
  Grow(kv, 0, Text(1, 100), 0, kRows);
  EXPECT_EQ(kv.Truncate(0, 83).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(kv.Truncate(0, 84));
  EXPECT_EQ(kv.Truncate(0, 85).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(kv.Truncate(0, 0)) << "a text that begins anew sees nothing";
  EXPECT_TRUE(kv.CheckInvariants());
}

TEST(SlotKv, ReserveRefusesAStepThatOverwritesWhatItReads) {
  SlotKv kv = SomeKv(1);
  ASSERT_TRUE(kv.Admit(Text(1, 100)));
  EXPECT_EQ(kv.Reserve(0, kRing + 1).error().code, ErrorCode::kInvalidArgument);
  Grow(kv, 0, Text(1, 100), 0, kRows);
  EXPECT_EQ(kv.Reserve(0, 117).error().message,
            "[kv] slot 0: expected at most 16 positions from 100 on, got 17");
  EXPECT_TRUE(kv.Reserve(0, 116));
}

TEST(SlotKv, SwitchedOffItFindsNothing) {
  SlotKv kv = SomeKv(1, kRing, false);
  Live(kv, Text(1, 100), Text(1, 100), kRows);
  EXPECT_EQ(Live(kv, Text(1, 100), Text(1, 100), kRows), 0);
  EXPECT_EQ(kv.statistics().pages[0].free, 1);
}

TEST(SlotKv, CountsSlots) {
  SlotKv kv = SomeKv(4);
  ASSERT_TRUE(kv.Admit(Text(1, 10)));
  Live(kv, Text(2, 10), Text(2, 10), kRows);
  const KvStatistics::Pages pages = kv.statistics().pages[0];
  EXPECT_EQ(pages.total, 4);
  EXPECT_EQ(pages.held, 1);
  EXPECT_EQ(pages.cached, 1);
  EXPECT_EQ(pages.free, 2);
}

TEST(SlotKv, RefusesSlotsAndLengthsOutOfRange) {
  SlotKv kv = SomeKv(1);
  EXPECT_FALSE(kv.Admit({}));
  EXPECT_FALSE(kv.Admit(Text(1, 501)));
  EXPECT_TRUE(kv.CheckFits(500));
  EXPECT_EQ(kv.CheckFits(501).error().code, ErrorCode::kInvalidArgument);
  for (int slot : {-1, 0, 1}) {
    EXPECT_EQ(kv.Reserve(slot, 1).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(kv.Commit(slot, {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(kv.Truncate(slot, 0).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(kv.Release(slot).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(kv.Fork(slot, 1).error().code, ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(kv.Admit(Text(1, 500)));
  EXPECT_FALSE(kv.Reserve(0, 501));
  ASSERT_TRUE(kv.Reserve(0, 10));
  EXPECT_FALSE(kv.Commit(0, Text(1, 11)));
  ASSERT_TRUE(kv.Commit(0, Text(1, 5)));
  EXPECT_FALSE(kv.Commit(0, Text(1, 4)));
}

}  // namespace
}  // namespace fairlead
