// How a group fails: all ranks learn of it, with the first error, and nobody waits for ever.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "tests/distributed/ranks.h"

namespace fairlead {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::RunRanks;

const Error kStop{ErrorCode::kIo, "[test] rank: expected to go on, got enough"};

// The same error from whatever is called next.
void ExpectBroken(Group& group, const std::string& message) {
  std::vector<float> data(4);
  std::vector<float> output(4 * static_cast<size_t>(group.size()));
  const std::vector<int64_t> parts(static_cast<size_t>(group.size()), 4);
  std::vector<Status> calls{group.Barrier(), group.AllReduceSum(data, std::span(output).first(4)),
                            group.AllGatherColumns(data, 1, parts, output), group.Send({})};
  if (group.rank() != 0) {
    const Result<std::vector<std::byte>> received = group.Receive();
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().message, message);
  }
  for (const Status& status : calls) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, message);
  }
}

// Runs `body` on all ranks; its failures on all of them must be `message`.
void ExpectAllFail(const std::vector<std::shared_ptr<Group>>& groups, const std::string& message,
                   const std::function<Status(Group&)>& body) {
  RunRanks(groups, [&](Group& group) {
    const Status status = body(group);
    ASSERT_FALSE(status) << "rank " << group.rank();
    EXPECT_EQ(status.error().message, message) << "rank " << group.rank();
    ExpectBroken(group, message);
  });
}

Status Sum(Group& group, size_t size) {
  std::vector<float> input(size, 1.0f);
  std::vector<float> output(size);
  return group.AllReduceSum(input, output);
}

TEST(BrokenGroup, NamesTheRankThatStaysAway) {
  for (const int ranks : {2, 3, 8}) {
    for (const int missing : {0, ranks - 1}) {
      const auto start = steady_clock::now();
      RunRanks(ThreadGroups(ranks, milliseconds(50)), [&](Group& group) {
        ASSERT_TRUE(group.Barrier());
        if (group.rank() == missing) return;
        const Status status = Sum(group, 100);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().message,
                  fmt::format("[group] all_reduce: expected all {} ranks within 50 ms, got "
                              "nothing from rank {}",
                              ranks, missing));
        ExpectBroken(group, status.error().message);
      });
      EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
    }
  }
}

TEST(BrokenGroup, NamesAllRanksThatStayAway) {
  RunRanks(ThreadGroups(5, milliseconds(50)), [&](Group& group) {
    if (group.rank() % 2 == 1) return;
    const Status status = group.Barrier();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message,
              "[group] barrier: expected all 5 ranks within 50 ms, got nothing from rank 1, 3");
  });
}

TEST(BrokenGroup, ARankThatComesTooLateFindsItBroken) {
  ExpectAllFail(ThreadGroups(3, milliseconds(30)),
                "[group] all_reduce: expected all 3 ranks within 30 ms, got nothing from rank 1",
                [](Group& group) {
                  if (group.rank() == 1) std::this_thread::sleep_for(milliseconds(150));
                  return Sum(group, 10);
                });
}

TEST(BrokenGroup, SendHasADeadline) {
  RunRanks(ThreadGroups(3, milliseconds(50)), [&](Group& group) {
    if (group.rank() == 2) return;
    const Status status =
        group.rank() == 0 ? group.Send({}) : group.Receive().map([](const auto&) {});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message,
              "[group] message: expected all 3 ranks within 50 ms, got nothing from rank 2");
  });
}

TEST(BrokenGroup, RefusesSizesThatDiffer) {
  ExpectAllFail(ThreadGroups(3),
                "[group] all_reduce: expected 10 elements as from rank 0, got 11 from rank 2",
                [](Group& group) { return Sum(group, group.rank() == 2 ? 11 : 10); });
}

TEST(BrokenGroup, RefusesCallsThatDiffer) {
  ExpectAllFail(ThreadGroups(2),
                "[group] all_reduce: expected the same call from every rank, got barrier from "
                "rank 1",
                [](Group& group) { return group.rank() == 1 ? group.Barrier() : Sum(group, 10); });
  ExpectAllFail(ThreadGroups(2),
                "[group] barrier: expected the same call from every rank, got message from rank 1",
                [](Group& group) {
                  if (group.rank() == 0) return group.Barrier();
                  return group.Receive().map([](const auto&) {});
                });
}

TEST(BrokenGroup, RefusesPartsThatDiffer) {
  const std::string message =
      "[group] all_gather: expected 2 rows and the parts of rank 0, got 2 rows or other parts from "
      "rank 1";
  ExpectAllFail(ThreadGroups(2), message, [](Group& group) {
    const std::vector<int64_t> parts{group.rank() == 0 ? 3 : 4, 5};
    std::vector<float> input(2 * static_cast<size_t>(parts[static_cast<size_t>(group.rank())]));
    std::vector<float> output(2 * static_cast<size_t>(parts[0] + parts[1]));
    return group.AllGatherColumns(input, 2, parts, output);
  });
}

// The others are already waiting for the rank that cannot make its call.
TEST(BrokenGroup, ACallThatIsWrongByItselfEndsItForAll) {
  ExpectAllFail(ThreadGroups(3), "[group] all_reduce: expected 10 outputs, got 9",
                [](Group& group) {
                  std::vector<float> input(10);
                  std::vector<float> output(group.rank() == 1 ? 9 : 10);
                  return group.AllReduceSum(input, output);
                });
  ExpectAllFail(ThreadGroups(2), "[group] send: expected rank 0 to send to all others, got rank 1",
                [](Group& group) { return group.Send({}); });
  ExpectAllFail(ThreadGroups(2),
                "[group] receive: expected rank 0 to send to all others, got rank 0",
                [](Group& group) { return group.Receive().map([](const auto&) {}); });
}

TEST(BrokenGroup, RefusesSizesThatDoNotMatchTheParts) {
  struct Case {
    size_t input;
    int64_t rows;
    std::vector<int64_t> parts;
    size_t output;
    std::string message;
  };
  const std::string sizes = "[group] all_gather: expected ";
  const int64_t huge = int64_t{1} << 62;
  for (const Case& wrong : std::vector<Case>{
           {6, 2, {3, 3}, 6, sizes + "1 parts, got 2"},
           {6, 2, {-3}, 6, sizes + "columns, got -3"},
           {5, 2, {3}, 6, sizes + "2 rows of 3 and 3 columns, got 5 and 6 elements"},
           {6, 2, {3}, 7, sizes + "2 rows of 3 and 3 columns, got 6 and 7 elements"},
           {6, -2, {3}, 6, sizes + "-2 rows of 3 and 3 columns, got 6 and 6 elements"},
           {0,
            huge,
            {4},
            0,
            fmt::format("{}{} rows of 4 and 4 columns, got 0 and 0 elements", sizes, huge)}}) {
    const std::shared_ptr<Group> group = SingleGroup();
    std::vector<float> output(wrong.output);
    const Status status =
        group->AllGatherColumns(std::vector<float>(wrong.input), wrong.rows, wrong.parts, output);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, wrong.message);
  }
}

// Every rank in turn aborts, at its own moment, while all others work or wait.
TEST(BrokenGroup, AbortEndsEveryRank) {
  constexpr int kCalls = 12;
  for (const int ranks : {1, 2, 3, 8}) {
    for (int aborter = 0; aborter < ranks; ++aborter) {
      for (int moment = 0; moment < kCalls; ++moment) {
        ExpectAllFail(ThreadGroups(ranks), kStop.message, [&](Group& group) {
          // Both ways of sharing the work.
          for (int call = 0; true; ++call) {
            if (group.rank() == aborter && call == moment) group.Abort(kStop);
            FAIRLEAD_RETURN_IF_ERROR(Sum(group, call % 2 == 0 ? 10 : 70000));
          }
        });
      }
    }
  }
}

TEST(BrokenGroup, AbortEndsIdleRanks) {
  for (const int aborter : {0, 1, 2}) {
    ExpectAllFail(ThreadGroups(3), kStop.message, [&](Group& group) -> Status {
      if (group.rank() == aborter) {
        std::this_thread::sleep_for(milliseconds(20));
        group.Abort(kStop);
      }
      if (group.rank() == 0) return group.Barrier();
      return group.Receive().map([](const auto&) {});
    });
  }
}

// From a thread that is no rank, at any time. Buffers die as soon as a call returns: a rank that
// still used a peer's would be seen by the sanitizers.
TEST(BrokenGroup, AbortAtAnyTimeHurtsNobody) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::shared_ptr<Group>> groups = ThreadGroups(4);
    std::thread aborter([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(round * 7));
      groups[static_cast<size_t>(round) % 4]->Abort(kStop);
    });
    ExpectAllFail(groups, kStop.message, [&](Group& group) {
      for (size_t call = 0; true; ++call) {
        FAIRLEAD_RETURN_IF_ERROR(Sum(group, call % 3 == 0 ? 20000 : 10));
      }
    });
    aborter.join();
  }
}

// The last rank to come copies to buffers of those that wait: they must not leave meanwhile.
TEST(BrokenGroup, AbortWhileALargeMessageIsCopiedHurtsNobody) {
  const std::vector<std::byte> message(8 << 20);
  for (int round = 0; round < 12; ++round) {
    const std::vector<std::shared_ptr<Group>> groups = ThreadGroups(4);
    std::thread aborter([&] {
      std::this_thread::sleep_for(milliseconds(round));
      groups[0]->Abort(kStop);
    });
    ExpectAllFail(groups, kStop.message, [&](Group& group) {
      while (true) {
        if (group.rank() == 0) {
          FAIRLEAD_RETURN_IF_ERROR(group.Send(message));
        } else {
          const Result<std::vector<std::byte>> received = group.Receive();
          FAIRLEAD_RETURN_IF_ERROR(received);
          EXPECT_EQ(received->size(), message.size());
        }
      }
    });
    aborter.join();
  }
}

TEST(BrokenGroup, TheFirstErrorStays) {
  const std::vector<std::shared_ptr<Group>> groups = ThreadGroups(2);
  groups[1]->Abort(kStop);
  groups[0]->Abort({ErrorCode::kInternal, "another"});
  ExpectBroken(*groups[0], kStop.message);
  EXPECT_EQ(groups[1]->Barrier().error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace fairlead
