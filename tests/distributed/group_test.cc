// What the collectives compute.
#include "distributed/group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "tests/distributed/ranks.h"
#include "tests/support/random.h"

namespace fairlead {
namespace {

using testing::Random;
using testing::RunRanks;

std::vector<float> Floats(Random& random, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = random.Signed() * 100.0f;
  return values;
}

std::vector<std::byte> Bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

class GroupTest : public ::testing::TestWithParam<int> {
 protected:
  size_t ranks() const { return static_cast<size_t>(GetParam()); }
};

// Small sums are added by one thread, large ones by all; neither may show.
TEST_P(GroupTest, SumsInRankOrderOnEveryRank) {
  for (const size_t size : {0u, 1u, 15u, 2880u, 5000u, 70001u}) {
    Random random(size);
    std::vector<std::vector<float>> inputs;
    for (size_t r = 0; r < ranks(); ++r) inputs.push_back(Floats(random, size));
    std::vector<float> expected = inputs[0];
    for (size_t r = 1; r < ranks(); ++r) {
      for (size_t i = 0; i < size; ++i) expected[i] += inputs[r][i];
    }
    RunRanks(ThreadGroups(GetParam()), [&](Group& group) {
      ASSERT_EQ(group.size(), GetParam());
      for (int repeat = 0; repeat < 3; ++repeat) {
        std::vector<float> output(size, 7.0f);
        const Status status = group.AllReduceSum(inputs[static_cast<size_t>(group.rank())], output);
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_TRUE(SameBits(output, expected)) << "size " << size << " rank " << group.rank();
      }
    });
  }
}

TEST_P(GroupTest, AThousandSumsAreEqualBitForBit) {
  Random random(1);
  std::vector<std::vector<float>> inputs;
  for (size_t r = 0; r < ranks(); ++r) inputs.push_back(Floats(random, 2880));
  RunRanks(ThreadGroups(GetParam()), [&](Group& group) {
    const std::vector<float>& input = inputs[static_cast<size_t>(group.rank())];
    std::vector<float> first(input.size());
    std::vector<float> again(input.size());
    ASSERT_TRUE(group.AllReduceSum(input, first));
    for (int repeat = 0; repeat < 1000; ++repeat) {
      std::fill(again.begin(), again.end(), 0.0f);
      ASSERT_TRUE(group.AllReduceSum(input, again));
      ASSERT_TRUE(SameBits(first, again));
    }
  });
}

TEST_P(GroupTest, GathersUnevenColumnsSideBySide) {
  // The last is shared by all ranks.
  for (const int64_t rows : {0, 1, 5, 3000}) {
    std::vector<int64_t> parts;
    int64_t columns = 0;
    for (size_t r = 0; r < ranks(); ++r) {
      parts.push_back(static_cast<int64_t>((r * 5 + 2) % 7));  // with an empty one
      columns += parts.back();
    }
    std::vector<float> whole(static_cast<size_t>(rows * columns));
    for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<float>(i);
    RunRanks(ThreadGroups(GetParam()), [&](Group& group) {
      int64_t start = 0;
      for (int r = 0; r < group.rank(); ++r) start += parts[static_cast<size_t>(r)];
      const int64_t own = parts[static_cast<size_t>(group.rank())];
      std::vector<float> input;
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t c = 0; c < own; ++c) {
          input.push_back(static_cast<float>(row * columns + start + c));
        }
      }
      std::vector<float> output(whole.size(), -1.0f);
      const Status status = group.AllGatherColumns(input, rows, parts, output);
      ASSERT_TRUE(status) << status.error().message;
      EXPECT_EQ(output, whole) << "rows " << rows << " rank " << group.rank();
    });
  }
}

TEST_P(GroupTest, MessagesOfRankZeroArriveInOrder) {
  RunRanks(ThreadGroups(GetParam()), [&](Group& group) {
    for (int i = 0; i < 200; ++i) {
      const std::vector<std::byte> message = Bytes(std::string(static_cast<size_t>(i), 'a') + "z");
      if (group.rank() == 0) {
        ASSERT_TRUE(group.Send(message));
      } else {
        Result<std::vector<std::byte>> received = group.Receive();
        ASSERT_TRUE(received) << received.error().message;
        ASSERT_EQ(*received, message);
      }
    }
  });
}

TEST_P(GroupTest, NobodyPassesABarrierBeforeAllHaveCome) {
  std::atomic<int> came{0};
  RunRanks(ThreadGroups(GetParam()), [&](Group& group) {
    for (int i = 1; i <= 500; ++i) {
      ++came;
      ASSERT_TRUE(group.Barrier());
      ASSERT_GE(came.load(), i * GetParam());
    }
  });
}

TEST_P(GroupTest, ReceivingOutlastsTheDeadline) {
  using std::chrono::milliseconds;
  RunRanks(ThreadGroups(GetParam(), milliseconds(20)), [&](Group& group) {
    if (group.rank() == 0) {
      std::this_thread::sleep_for(milliseconds(100));
      EXPECT_TRUE(group.Send(Bytes("late")));
    } else {
      Result<std::vector<std::byte>> received = group.Receive();
      ASSERT_TRUE(received) << received.error().message;
      EXPECT_EQ(*received, Bytes("late"));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, GroupTest, ::testing::Values(1, 2, 3, 8));

TEST(SingleGroup, Copies) {
  const std::shared_ptr<Group> group = SingleGroup();
  EXPECT_EQ(group->rank(), 0);
  EXPECT_EQ(group->size(), 1);
  const std::vector<float> input{1, 2, 3, 4, 5, 6};
  std::vector<float> sum(6);
  std::vector<float> gathered(6);
  const std::vector<int64_t> parts{3};
  EXPECT_TRUE(group->AllReduceSum(input, sum));
  EXPECT_TRUE(group->AllGatherColumns(input, 2, parts, gathered));
  EXPECT_TRUE(group->Send(Bytes("nobody listens")));
  EXPECT_TRUE(group->Barrier());
  EXPECT_EQ(sum, input);
  EXPECT_EQ(gathered, input);
}

}  // namespace
}  // namespace fairlead
