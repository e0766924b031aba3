// Every page has one owner, whatever happens, and no position is given up while it can be seen.
#include "runtime/paged_kv.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead {
namespace {

ModelFacts Facts(std::vector<int> windows) {
  ModelFacts facts;
  facts.vocabulary_size = 100;
  facts.max_positions = 1000;
  for (int window : windows) facts.kv_groups.push_back({"group", window, 1, 1, 1});
  return facts;
}

Capabilities Limits(int max_rows, int max_slots, std::vector<int> pages) {
  return {max_rows, max_slots, 1000, std::move(pages)};
}

ErrorCode CodeOf(const Status& status) { return status.error().code; }

// Admits a sequence in slot 0 and runs it up to `length` in steps of `max_rows`.
PagedKv SequenceOf(const ModelFacts& facts, const Capabilities& limits, int length) {
  PagedKv kv(facts, limits);
  EXPECT_TRUE(kv.Admit(0, {}, 1000));
  for (int end = 0; end < length;) {
    end = std::min(length, end + limits.max_rows);
    EXPECT_TRUE(kv.Reserve(0, end));
    EXPECT_TRUE(kv.Commit(0, end));
  }
  return kv;
}

TEST(PagedKv, ASlidingPageIsKeptUntilAllOfItLiesBelowLengthMinusWindow) {
  const ModelFacts facts = Facts({0, 40});
  const Capabilities limits = Limits(16, 1, {40, 40});
  // Page 0 holds positions 0 to 31: the last of them is below length - 40 from length 72 on.
  EXPECT_EQ(SequenceOf(facts, limits, 71).free_pages(1), 40 - 3);
  EXPECT_EQ(SequenceOf(facts, limits, 72).free_pages(1), 40 - 2);
  EXPECT_EQ(SequenceOf(facts, limits, 103).free_pages(1), 40 - 3);
  EXPECT_EQ(SequenceOf(facts, limits, 104).free_pages(1), 40 - 2);
  EXPECT_EQ(SequenceOf(facts, limits, 104).free_pages(0), 40 - 4);
}

TEST(PagedKv, ReservingAloneGivesUpNothing) {
  PagedKv kv = SequenceOf(Facts({40}), Limits(16, 1, {40}), 71);
  ASSERT_TRUE(kv.Reserve(0, 87));
  EXPECT_EQ(kv.free_pages(0), 40 - 3);
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
  ASSERT_TRUE(kv.Admit(0, {}, 96));
  const Result<int> too_long = kv.Admit(1, {}, 33);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(too_long.error().message, "[kv] group group: expected 2 free pages, got 1");
  ASSERT_TRUE(kv.Admit(1, {}, 32));
  EXPECT_EQ(CodeOf(kv.Reserve(1, 33)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(kv.Reserve(0, 96));
  EXPECT_TRUE(kv.Reserve(1, 32));
  EXPECT_EQ(CodeOf(kv.Reserve(0, 97)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(kv.CheckInvariants());
}

TEST(PagedKv, CheckFitsKnowsThatASlidingGroupNeedsOnlyItsWindow) {
  // 40 + 16 neighbours touch at most 3 pages.
  EXPECT_TRUE(PagedKv(Facts({40}), Limits(16, 1, {3})).CheckFits(1000));
  EXPECT_EQ(CodeOf(PagedKv(Facts({40}), Limits(16, 1, {2})).CheckFits(1000)),
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(PagedKv(Facts({0}), Limits(16, 1, {3})).CheckFits(96));
  EXPECT_FALSE(PagedKv(Facts({0}), Limits(16, 1, {3})).CheckFits(97));
}

TEST(PagedKv, RefusesSlotsAndLengthsOutOfRange) {
  PagedKv kv(Facts({0}), Limits(16, 2, {40}));
  EXPECT_FALSE(kv.Admit(2, {}, 1));
  EXPECT_FALSE(kv.Admit(-1, {}, 1));
  EXPECT_FALSE(kv.Admit(0, {}, 1001));
  EXPECT_FALSE(kv.Admit(0, std::vector<int32_t>(5), 4));
  for (int slot : {-1, 0, 2}) {
    EXPECT_EQ(CodeOf(kv.Reserve(slot, 1)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Commit(slot, 0)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Truncate(slot, 0)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(kv.Release(slot)), ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(kv.Admit(0, {}, 1000));
  EXPECT_FALSE(kv.Admit(0, {}, 1));
  EXPECT_EQ(CodeOf(kv.Reserve(0, 1001)), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(kv.Reserve(0, 10));
  EXPECT_EQ(CodeOf(kv.Commit(0, 11)), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(kv.Commit(0, 5));
  EXPECT_EQ(CodeOf(kv.Commit(0, 4)), ErrorCode::kInvalidArgument);
}

// Random operations against a plain model. Every position that is written leaves a mark of its
// sequence in the page it was given; what a sequence can still see must carry its own marks.
class RandomWalk {
 public:
  RandomWalk(uint32_t seed, std::vector<int> windows, int max_rows, int slots,
             std::vector<int> pages)
      : random_(seed),
        facts_(Facts(std::move(windows))),
        limits_(Limits(max_rows, slots, std::move(pages))),
        kv_(facts_, limits_),
        sequences_(static_cast<size_t>(slots)) {
    for (int count : limits_.kv_pages) marks_.emplace_back(count * kPageTokens, -1);
  }

  void Run(int operations) {
    for (int i = 0; i < operations; ++i) {
      const int slot = Below(limits_.max_slots);
      Sequence& sequence = sequences_[static_cast<size_t>(slot)];
      const int choice = Below(100);
      if (!sequence.live) {
        Admit(slot, sequence);
      } else if (choice < 70) {
        StepOnce(slot, sequence);
      } else if (choice < 85) {
        Truncate(slot, sequence);
      } else if (choice < 93) {
        ReserveFar(slot, sequence);
      } else {
        ASSERT_TRUE(kv_.Release(slot));
        sequence = {};
      }
      const Status sound = kv_.CheckInvariants();
      ASSERT_TRUE(sound) << sound.error().message;
      for (int s = 0; s < limits_.max_slots; ++s) CheckMarks(s);
      if (::testing::Test::HasFailure()) return;
    }
    for (int slot = 0; slot < limits_.max_slots; ++slot) {
      if (sequences_[static_cast<size_t>(slot)].live) {
        ASSERT_TRUE(kv_.Release(slot));
      }
    }
    for (size_t g = 0; g < limits_.kv_pages.size(); ++g) {
      EXPECT_EQ(kv_.free_pages(g), limits_.kv_pages[g]) << "pages leaked";
    }
  }

  int steps = 0, refused_admissions = 0, truncations = 0, refused_truncations = 0;

 private:
  struct Sequence {
    bool live = false;
    int mark = 0;
    int promised = 0;
    int length = 0;     // committed
    int committed = 0;  // the longest it has been, which decides what was given up
  };

  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  void Admit(int slot, Sequence& sequence) {
    const int length = 1 + Below(400);
    const Result<int> admitted = kv_.Admit(slot, {}, length);
    if (!admitted) {
      EXPECT_EQ(admitted.error().code, ErrorCode::kResourceExhausted);
      ++refused_admissions;
      return;
    }
    sequence = {true, next_mark_++, length, 0, 0};
  }

  void StepOnce(int slot, Sequence& sequence) {
    const int rows = std::min(1 + Below(limits_.max_rows), sequence.promised - sequence.length);
    if (rows <= 0) return;
    const Status reserved = kv_.Reserve(slot, sequence.length + rows);
    ASSERT_TRUE(reserved) << "within what Admit promised: " << reserved.error().message;
    const Span span{slot, sequence.length, rows};
    StepPlan plan;
    kv_.FillPages(span, plan);
    plan.spans = {span};
    plan.token_ids.assign(static_cast<size_t>(rows), 0);
    const Status valid = ValidatePlan(plan, facts_, limits_);
    ASSERT_TRUE(valid) << valid.error().message;
    for (size_t g = 0; g < marks_.size(); ++g) {
      for (int p = span.start_position; p < span.start_position + rows; ++p) {
        Mark(plan, g, p) = sequence.mark * 1000 + p;
      }
    }
    const int accepted = 1 + Below(rows);  // the rest were rejected drafts
    if (accepted < rows) {
      ASSERT_TRUE(kv_.Truncate(slot, sequence.length + accepted));
    }
    sequence.length += accepted;
    sequence.committed = std::max(sequence.committed, sequence.length);
    ASSERT_TRUE(kv_.Commit(slot, sequence.length));
    ++steps;
  }

  void Truncate(int slot, Sequence& sequence) {
    const int length = std::max(0, sequence.length - Below(80));
    bool possible = true;
    for (const KvGroup& group : facts_.kv_groups) {
      const int given_up =
          group.window > 0 ? std::max(0, sequence.committed - group.window) / kPageTokens : 0;
      possible = possible && given_up * kPageTokens <= FirstVisible(group, length);
    }
    EXPECT_EQ(kv_.Truncate(slot, length).has_value(), possible);
    if (possible) sequence.length = length;
    ++(possible ? truncations : refused_truncations);
  }

  // Asks for more than was promised: it works or changes nothing, and is undone either way.
  void ReserveFar(int slot, const Sequence& sequence) {
    std::vector<int> before;
    for (size_t g = 0; g < marks_.size(); ++g) before.push_back(kv_.free_pages(g));
    const Status far = kv_.Reserve(slot, std::min(1000, sequence.length + 1 + Below(500)));
    if (far) {
      ASSERT_TRUE(kv_.Truncate(slot, sequence.length));
    } else {
      EXPECT_EQ(CodeOf(far), ErrorCode::kResourceExhausted);
    }
    for (size_t g = 0; g < marks_.size(); ++g) EXPECT_EQ(kv_.free_pages(g), before[g]);
  }

  int& Mark(const StepPlan& plan, size_t group, int position) {
    const PageTable& table = plan.pages[group];
    const auto index = static_cast<size_t>(position / kPageTokens - table.first_page[0]);
    return marks_[group]
                 [static_cast<size_t>(table.pages[index] * kPageTokens + position % kPageTokens)];
  }

  // What the next position sees before itself.
  void CheckMarks(int slot) {
    const Sequence& sequence = sequences_[static_cast<size_t>(slot)];
    if (!sequence.live || sequence.length == sequence.promised) return;
    ASSERT_TRUE(kv_.Reserve(slot, sequence.length + 1));
    StepPlan plan;
    kv_.FillPages({slot, sequence.length, 1}, plan);
    for (size_t g = 0; g < marks_.size(); ++g) {
      for (int p = FirstVisible(facts_.kv_groups[g], sequence.length); p < sequence.length; ++p) {
        ASSERT_EQ(Mark(plan, g, p), sequence.mark * 1000 + p) << "group " << g << " at " << p;
      }
    }
    ASSERT_TRUE(kv_.Truncate(slot, sequence.length));
  }

  std::mt19937 random_;
  ModelFacts facts_;
  Capabilities limits_;
  PagedKv kv_;
  std::vector<Sequence> sequences_;
  std::vector<std::vector<int>> marks_;
  int next_mark_ = 1;
};

TEST(PagedKv, RandomOperationsKeepEveryPageWithOneOwner) {
  const std::vector<std::vector<int>> windows = {{0}, {0, 40}, {0, 1}, {32, 0, 128}, {33}};
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<int>& chosen = windows[seed % windows.size()];
    RandomWalk walk(seed, chosen, 1 + static_cast<int>(seed * 7 % 64), 5,
                    std::vector<int>(chosen.size(), 26));
    walk.Run(2000);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(walk.steps, 200);
    EXPECT_GT(walk.truncations, 50);
  }
}

TEST(PagedKv, RandomOperationsMeetEveryRefusal) {
  RandomWalk walk(1, {0, 40}, 16, 5, {26, 8});
  walk.Run(4000);
  EXPECT_GT(walk.refused_admissions, 20);
  EXPECT_GT(walk.refused_truncations, 5);
}

}  // namespace
}  // namespace fairlead
