// The cache takes what it was given, never more, and says so when that is too little.
#include "runtime/kv/kv_memory.h"

#include <gtest/gtest.h>

#include "runtime/kv/paged_kv.h"
#include "tests/base/temp_dir.h"

namespace fairlead {
namespace {

// gpt-oss-20b: a page of a group takes 32 x 12 x 2 x 8 x 64 x 4 = 1,572,864 bytes.
constexpr int64_t kPageBytes = 1572864;
ModelFacts Facts() {
  ModelFacts facts;
  facts.max_positions = 131072;
  facts.kv_groups = {{"full", 0, 12, 8, 64}, {"sliding", 128, 12, 8, 64}};
  return facts;
}

TEST(PlanKvPages, FullPagesGetWhatWindowsAndTheirHalfLeave) {
  // 128 + 512 neighbours touch at most 21 pages.
  const KvMemoryPlan plan =
      PlanKvPages(Facts(), {.bytes = (2 * 21 + 300) * kPageBytes, .max_slots = 2}).value();
  EXPECT_EQ(plan.pages, (std::vector<int>{200, 2 * 21 + 100}));
  EXPECT_EQ(plan.bytes, (2 * 21 + 300) * kPageBytes);
  EXPECT_EQ(plan.longest_sequence, 200 * 32);
}

TEST(PlanKvPages, WithoutAskingForAllTheCacheEndsAtTwiceTheLongestSequences) {
  KvMemoryRequest request{.bytes = int64_t{1} << 45, .max_slots = 3, .max_position = 3200};
  const KvMemoryPlan plan = PlanKvPages(Facts(), request).value();
  EXPECT_EQ(plan.pages, (std::vector<int>{600, 3 * 21 + 300}));
  EXPECT_EQ(plan.longest_sequence, 3200);
  request.use_all = true;
  EXPECT_GT(PlanKvPages(Facts(), request).value().pages[0], 1000000);
  request.bytes = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(PlanKvPages(Facts(), request));
}

TEST(PlanKvPages, LittleMemoryHoldsOneSequenceAndLessIsAnError) {
  // One window (21 pages), a step and a page (17), and half of these again.
  const int64_t needed = (21 * 2 + 17 * 3) * kPageBytes / 2;
  KvMemoryRequest request{.bytes = needed, .max_slots = 8};
  const KvMemoryPlan plan = PlanKvPages(Facts(), request).value();
  EXPECT_EQ(plan.pages, (std::vector<int>{17, 21 + 8}));
  const PagedKv kv(Facts(), {512, 8, 131072, plan.pages});
  EXPECT_EQ(plan.longest_sequence, 17 * 32);
  EXPECT_TRUE(kv.CheckFits(17 * 32));
  EXPECT_FALSE(kv.CheckFits(17 * 32 + 1));
  request.bytes = needed - 1;
  const Result<KvMemoryPlan> refused = PlanKvPages(Facts(), request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().message,
            "[kv] memory: expected at least 73138176 bytes for one sequence and a step of 512 "
            "rows, got 73138175");
}

TEST(PlanKvPages, WindowsOfMoreSequencesDoNotTakeTheRoomOfOne) {
  ModelFacts facts = Facts();
  facts.kv_groups[1].layers = 1;  // windows take little
  const KvMemoryPlan plan =
      PlanKvPages(facts, {.bytes = 240 * kPageBytes / 12, .max_slots = 8}).value();
  EXPECT_GE(plan.pages[0], 17);
}

TEST(PlanKvPages, NeverTakesMoreThanItWasGivenAndFitsWhatItSays) {
  for (int64_t budget = 47; budget < 1500; budget += 7) {
    for (int slots : {1, 2, 8, 32}) {
      const KvMemoryPlan plan =
          PlanKvPages(Facts(), {.bytes = budget * kPageBytes, .max_slots = slots}).value();
      EXPECT_LE(plan.bytes, budget * kPageBytes);
      EXPECT_GE(plan.bytes, (budget - 3) * kPageBytes) << "memory left over";
      const PagedKv kv(Facts(), {512, slots, 131072, plan.pages});
      EXPECT_TRUE(kv.CheckFits(static_cast<int>(plan.longest_sequence)));
    }
  }
}

TEST(PlanKvPages, RefusesNothingToDivideBy) {
  EXPECT_FALSE(PlanKvPages(Facts(), {.bytes = int64_t{1} << 40, .max_rows = 0}));
  EXPECT_FALSE(PlanKvPages(Facts(), {.bytes = int64_t{1} << 40, .max_slots = 0}));
  EXPECT_TRUE(PlanKvPages(ModelFacts{}, {.bytes = 1})->pages.empty());
}

constexpr char kMeminfo[] = "MemTotal: 16000 kB\nMemFree: 100 kB\nMemAvailable:    8000 kB\n";

TEST(AvailableMemory, IsWhatTheMachineHasWhereNoCgroupSaysLess) {
  TempDir root;
  EXPECT_EQ(AvailableMemory(root.path()), 0);
  root.Write("proc/meminfo", kMeminfo);
  EXPECT_EQ(AvailableMemory(root.path()), 8000 * 1024);
  root.Write("proc/self/cgroup", "0::/user/shell\n");
  root.Write("sys/fs/cgroup/user/shell/memory.max", "max\n");
  root.Write("sys/fs/cgroup/user/shell/memory.current", "123\n");
  EXPECT_EQ(AvailableMemory(root.path()), 8000 * 1024);
  root.Write("sys/fs/cgroup/user/shell/memory.max", "999999999999\n");
  EXPECT_EQ(AvailableMemory(root.path()), 8000 * 1024);
}

TEST(AvailableMemory, EveryCgroupAboveCountsAndFilePagesThatCanGoDoNot) {
  TempDir root;
  root.Write("proc/meminfo", kMeminfo);
  root.Write("proc/self/cgroup", "0::/user/shell\n");
  root.Write("sys/fs/cgroup/user/shell/memory.max", "5000000\n");
  root.Write("sys/fs/cgroup/user/shell/memory.current", "1000000\n");
  EXPECT_EQ(AvailableMemory(root.path()), 4000000);
  root.Write("sys/fs/cgroup/user/shell/memory.stat", "anon 5\ninactive_file 300000\n");
  EXPECT_EQ(AvailableMemory(root.path()), 4300000);
  root.Write("sys/fs/cgroup/user/memory.max", "2000000\n");
  root.Write("sys/fs/cgroup/user/memory.current", "1999999\n");
  EXPECT_EQ(AvailableMemory(root.path()), 1);
  root.Write("sys/fs/cgroup/user/memory.current", "3000000\n");
  EXPECT_EQ(AvailableMemory(root.path()), 0);
}

TEST(AvailableMemory, ReadsVersion1AndTheMountOfAContainer) {
  TempDir root;
  root.Write("proc/meminfo", kMeminfo);
  root.Write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/1234\n0::/docker/1234\n");
  // The path is the host's; in the container the mount is the group itself.
  root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "6000000\n");
  root.Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "2500000\n");
  root.Write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500000\n");
  EXPECT_EQ(AvailableMemory(root.path()), 4000000);
}

TEST(AvailableMemory, NonsenseSetsNoLimit) {
  TempDir root;
  root.Write("proc/meminfo", kMeminfo);
  root.Write("proc/self/cgroup", "\n:\n0:\n0::/../..\n7:memory:\n");
  root.Write("sys/fs/cgroup/memory.max", "-5\n");
  root.Write("sys/fs/cgroup/memory.current", "12x\n");
  EXPECT_EQ(AvailableMemory(root.path()), 8000 * 1024);
  EXPECT_GT(AvailableMemory(), 0) << "on this machine";
}

}  // namespace
}  // namespace fairlead
