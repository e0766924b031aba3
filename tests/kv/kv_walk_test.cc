// Whatever happens in whatever order, reuse never shows in the logits and nothing is lost.
#include "tests/kv/kv_walk.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead {
namespace {

using testing::KvWalk;

TEST(KvWalk, PagedSequencesReadTheirOwnTextWhateverIsShared) {
  int64_t hits = 0, shared_by_forks = 0;
  for (uint32_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    KvWalk walk(seed,
                {.max_rows = 1 + static_cast<int>(seed * 13 % 64),
                 .max_slots = 5,
                 .kv_pages = {30, 24},
                 .window = std::vector<int>{40, 1, 33, 128}[seed / 4 % 4]},
                seed % 4 != 3, 500);
    walk.Run(2000);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(walk.steps, 300);
    EXPECT_GT(walk.truncations, 20);
    hits += walk.statistics().hits;
    shared_by_forks += walk.shared_by_forks;
  }
  EXPECT_GT(hits, 500);
  EXPECT_GT(shared_by_forks, 1000);
}

TEST(KvWalk, WithRoomForEverythingTheLongestBeginningIsFound) {
  for (uint32_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    KvWalk walk(seed, {.max_rows = 48, .max_slots = 5, .kv_pages = {3000, 3000}}, true, 500);
    walk.nothing_is_lost = true;
    walk.Run(1500);
    ASSERT_FALSE(HasFailure());
    EXPECT_EQ(walk.statistics().evictions, 0);
    EXPECT_GT(walk.statistics().reused_tokens, 3000);
  }
}

TEST(KvWalk, TinyPoolsMeetEveryRefusalAndEviction) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    KvWalk walk(seed, {.max_rows = 24, .max_slots = 6, .kv_pages = {18, 9}}, true, 500);
    walk.Run(3000);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(walk.refused_admissions, 20);
    EXPECT_GT(walk.refused_reserves, 20);
    EXPECT_GT(walk.refused_truncations, 5);
    EXPECT_GT(walk.statistics().evictions, 50);
    EXPECT_GT(walk.statistics().hits, 10);
  }
}

TEST(KvWalk, SlotsWithRingsReadTheirOwnTextWhateverIsReused) {
  int64_t hits = 0, refused_truncations = 0;
  for (uint32_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    const int most_rows = 1 + static_cast<int>(seed * 7 % 32);
    // As small as a ring may be, or larger.
    const int ring = testing::kFakeWindow + most_rows - 1 + (seed % 2 == 0 ? 0 : 50);
    KvWalk walk(seed,
                {.max_rows = 32,
                 .max_slots = 4,
                 .max_position = 500,
                 .slot_positions = {500, ring},
                 .shapes = {{1, most_rows}, {4, std::min(8, most_rows)}}},
                seed % 4 != 3, 500);
    walk.Run(3000);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(walk.steps, 300);
    hits += walk.statistics().hits;
    refused_truncations += walk.refused_truncations;
  }
  EXPECT_GT(hits, 500);
  EXPECT_GT(refused_truncations, 100);
}

}  // namespace
}  // namespace fairlead
