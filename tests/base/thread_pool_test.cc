#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

namespace fairlead {
namespace {

TEST(ThreadPool, RunsEveryIndexExactlyOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t count : {0, 1, 2, 3, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      pool.ParallelFor(count, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (const auto& times : runs) EXPECT_EQ(times, 1);
    }
  }
}

TEST(ThreadPool, FewerThanOneThreadMeansTheCallerAlone) {
  for (int threads : {0, -3}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), 1);
    std::set<std::thread::id> seen;
    pool.ParallelFor(10, [&](int64_t) { seen.insert(std::this_thread::get_id()); });
    EXPECT_EQ(seen, std::set<std::thread::id>{std::this_thread::get_id()});
  }
}

TEST(ThreadPool, ResultsAreVisibleAfterEachOfManyShortCalls) {
  ThreadPool pool(3);
  std::vector<int64_t> values(7);  // not atomic: the end of a call must order the writes
  for (int64_t round = 1; round <= 5000; ++round) {
    pool.ParallelFor(7, [&](int64_t i) { values[static_cast<size_t>(i)] += i + 1; });
    for (int64_t i = 0; i < 7; ++i) {
      ASSERT_EQ(values[static_cast<size_t>(i)], round * (i + 1));
    }
  }
}

TEST(ThreadPool, WorkersReallyTakePart) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  // Each body waits for the other, so one thread alone could never finish.
  pool.ParallelFor(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, CallerWaitsForASlowWorker) {
  ThreadPool pool(2);
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> arrived{0};
  std::atomic<bool> worker_done{false};
  pool.ParallelFor(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // so that one index is the worker's
    if (std::this_thread::get_id() == caller) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    worker_done = true;
  });
  EXPECT_TRUE(worker_done);
}

TEST(ThreadPool, CanBeDestroyedUnused) { ThreadPool pool(4); }

TEST(AvailableCpus, IsAtLeastOne) { EXPECT_GE(AvailableCpus(), 1); }

}  // namespace
}  // namespace fairlead
