#include "chat/transcript_map.h"

#include <gtest/gtest.h>

#include <thread>

namespace fairlead::testing {
namespace {

using Ids = std::vector<int32_t>;

TranscriptKey Key(uint64_t number) { return {number, ~number}; }

TEST(TranscriptKeys, AreThoseOfTheBeginnings) {
  const Ids ids = {1, 2, 3, 4, 5, 6};
  const std::vector<size_t> ends = {2, 5, 5, 6};
  const std::vector<TranscriptKey> keys = TranscriptKeys(ids, ends);
  ASSERT_EQ(keys.size(), 4u);
  for (size_t i = 0; i < ends.size(); ++i) {
    const std::vector<size_t> alone = {ends[i]};
    EXPECT_EQ(TranscriptKeys(std::span(ids).first(ends[i]), alone)[0], keys[i]) << i;
  }
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_EQ(keys[1], keys[2]);
  const Ids other = {1, 2, 3, 4, 7, 6};
  EXPECT_EQ(TranscriptKeys(other, ends)[0], keys[0]);
  EXPECT_NE(TranscriptKeys(other, ends)[1], keys[1]);
  EXPECT_NE(TranscriptKeys(other, ends)[3], keys[3]) << "what is before counts";
}

TEST(TranscriptMap, FindsWhatTheSameClientStored) {
  TranscriptMap map({});
  map.Store("ann", Key(1), {1, 2, 3});
  EXPECT_EQ(map.Find("ann", Key(1)), (Ids{1, 2, 3}));
  EXPECT_EQ(map.Find("ann", Key(2)), std::nullopt);
  EXPECT_EQ(map.Find("bob", Key(1)), std::nullopt);
  map.Store("ann", Key(1), {4});
  EXPECT_EQ(map.Find("ann", Key(1)), (Ids{4}));
  EXPECT_EQ(map.statistics().entries, 1u);
  EXPECT_EQ(map.statistics().hits, 2);
  EXPECT_EQ(map.statistics().misses, 2);
}

TEST(TranscriptMap, ForgetsWhatWasUsedLongestAgo) {
  TranscriptMap map({.max_entries = 3});
  for (uint64_t i = 0; i < 3; ++i) map.Store("", Key(i), {1});
  EXPECT_TRUE(map.Find("", Key(0)));
  map.Store("", Key(3), {1});
  EXPECT_FALSE(map.Find("", Key(1)));
  for (const uint64_t kept : {0, 2, 3}) EXPECT_TRUE(map.Find("", Key(kept))) << kept;
  EXPECT_EQ(map.statistics().evictions, 1);
  EXPECT_EQ(map.statistics().entries, 3u);
}

TEST(TranscriptMap, StaysWithinItsBytes) {
  constexpr size_t kMost = 20000;
  TranscriptMap map({.max_entries = 1000, .max_bytes = kMost});
  for (uint64_t i = 0; i < 500; ++i) {
    map.Store(std::string(i % 7 * 100, 'c'), Key(i), Ids(i % 50 * 10, 7));
    const TranscriptMap::Statistics statistics = map.statistics();
    ASSERT_LE(statistics.bytes, kMost);
    ASSERT_GE(statistics.bytes, statistics.entries * 256);
  }
  EXPECT_GT(map.statistics().evictions, 0);
  map.Store("", Key(1000), {1});
  map.Store("", Key(1000), Ids(kMost, 1));
  EXPECT_FALSE(map.Find("", Key(1000))) << "neither the large one nor what it replaced";
  TranscriptMap none({.max_entries = 0});
  none.Store("", Key(1), {1});
  EXPECT_EQ(none.statistics().bytes, 0u);
  EXPECT_FALSE(none.Find("", Key(1)));
}

TEST(TranscriptMap, ForgetsWhatItIsTold) {
  TranscriptMap map({});
  map.Store("a", Key(1), {1});
  map.Forget("b", Key(1));
  map.Forget("a", Key(2));
  EXPECT_TRUE(map.Find("a", Key(1)));
  map.Forget("a", Key(1));
  EXPECT_FALSE(map.Find("a", Key(1)));
  EXPECT_EQ(map.statistics().entries, 0u);
  EXPECT_EQ(map.statistics().bytes, 0u);
}

TEST(TranscriptMap, ServesManyThreads) {
  TranscriptMap map({.max_entries = 50, .max_bytes = 20000});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&map, thread] {
      for (uint64_t i = 0; i < 2000; ++i) {
        const auto id = static_cast<int32_t>(i % 100);
        if ((i + static_cast<uint64_t>(thread)) % 2 == 0) map.Store("c", Key(i % 100), {id, id});
        const auto found = map.Find("c", Key(i % 100));
        if (found) {
          ASSERT_EQ(*found, (Ids{id, id}));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(map.statistics().entries, 50u);
  EXPECT_LE(map.statistics().bytes, 20000u);
}

}  // namespace
}  // namespace fairlead::testing
