// A tap on ranks sees whole values, once, and what it changes reaches every rank.
#include "runtime/rank_tap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "runtime/parallel_executor.h"
#include "tests/runtime/fake_ranks.h"

namespace fairlead {
namespace {

using testing::FakeProgram;
using testing::FakeRanks;
using testing::FakeValue;

constexpr int kRanks = 3;
constexpr int64_t kRows = 4;

ValueInfo Value(const std::string& name, Axis columns, ElementType type = ElementType::kFloat) {
  ValueInfo value;
  value.name = name;
  value.type = {type, {Dim::Rows(), columns.count()}};
  value.columns = std::move(columns);
  return value;
}

// What one rank has of values that lie on the ranks in every way there is.
std::vector<ValueInfo> ValuesOf(int rank) {
  const int64_t r = rank;
  std::vector<ValueInfo> values{
      Value("whole", 5),
      Value("split", {7, {r == 0 ? Range{0, 3} : Range{r * 2 + 1, 2}}}),  // uneven
      Value("scattered", {9, {{r * 2, 2}, {6 + r, 1}}}),
      // Ranks 0 and 1 have the same head; rank 2 repeats the other for two query heads.
      Value("repeated",
            {4, r < 2 ? std::vector<Range>{{0, 2}} : std::vector<Range>{{2, 2}, {2, 2}}}),
      Value("numbers", {6, {{r * 2, 2}}}, ElementType::kInt32),
      Value("addend", 5),
  };
  values.back().partial = true;
  return values;
}

std::vector<std::shared_ptr<const Program>> Programs() {
  std::vector<std::shared_ptr<const Program>> programs;
  for (int rank = 0; rank < kRanks; ++rank) programs.push_back(FakeProgram(ValuesOf(rank)));
  return programs;
}

// Notes what it sees, and adds `added` to it.
class NotingTap : public ValueTap {
 public:
  bool Wants(std::string_view name) const override { return name != unwanted; }
  Status Visit(std::string_view name, DType dtype, const Shape& shape,
               std::span<std::byte> bytes) override {
    if (name == failing) return Fail(ErrorCode::kIo, "tap", "{}: no room", name);
    names.emplace_back(name);
    seen[std::string(name)] = {dtype, shape, {bytes.begin(), bytes.end()}};
    for (size_t i = 0; i < bytes.size(); i += 4) {
      if (dtype == DType::kF32) Add<float>(bytes.subspan(i, 4));
      if (dtype == DType::kI32) Add<int32_t>(bytes.subspan(i, 4));
    }
    return {};
  }

  int added = 0;
  std::string unwanted;
  std::string failing;
  std::vector<std::string> names;
  std::map<std::string, Tensor> seen;

 private:
  template <typename T>
  void Add(std::span<std::byte> element) const {
    T value;
    std::memcpy(&value, element.data(), sizeof(T));
    value += static_cast<T>(added);
    std::memcpy(element.data(), &value, sizeof(T));
  }
};

// kRows tokens of one sequence.
StepPlan Plan() {
  StepPlan plan;
  plan.spans = {{0, 0, kRows}};
  plan.token_ids.assign(kRows, 1);
  plan.output_rows = {0};
  plan.pages.assign(2, {{0}, {0, 1}, {0}});
  return plan;
}

class RankTapTest : public ::testing::Test {
 protected:
  RankTapTest() {
    Result<std::unique_ptr<Executor>> created = CreateParallelExecutor(backend_, Programs(), {});
    EXPECT_TRUE(created);
    executor_ = std::move(*created);
  }

  // All ranks have ended their step, so that their notes may be read.
  void Finish() { executor_.reset(); }

  // Every rank went on with its own columns of the value, `added` to each.
  void ExpectValues(int added, const std::set<std::string>& unchanged) {
    for (int rank = 0; rank < kRanks; ++rank) {
      for (const ValueInfo& value : ValuesOf(rank)) {
        SCOPED_TRACE(fmt::format("rank {} {}", rank, value.name));
        const int plus = unchanged.contains(value.name) ? 0 : added;
        const TensorView had{DType::kF32, {}, backend_.notes(rank).values.at(value.name)};
        size_t i = 0;
        for (int64_t row = 0; row < kRows; ++row) {
          for (const Range& range : value.columns.ranges()) {
            for (int64_t c = range.start; c < range.start + range.count; ++c, ++i) {
              const float expected = FakeValue(row, c) + static_cast<float>(plus);
              if (value.type.element == ElementType::kFloat) {
                ASSERT_EQ(had.At<float>(i), expected);
              } else {
                ASSERT_EQ(had.At<int32_t>(i), static_cast<int32_t>(expected));
              }
            }
          }
        }
        EXPECT_EQ(i * 4, had.bytes.size());
      }
    }
  }

  FakeRanks backend_;
  std::unique_ptr<Executor> executor_;
};

TEST_F(RankTapTest, SeesEveryWholeValueOnceAndNoAddend) {
  NotingTap tap;
  executor_->SetTap(&tap);
  ASSERT_TRUE(executor_->Step(Plan()));
  EXPECT_EQ(tap.names,
            (std::vector<std::string>{"whole", "split", "scattered", "repeated", "numbers"}));
  for (const auto& [name, tensor] : tap.seen) {
    SCOPED_TRACE(name);
    ASSERT_EQ(tensor.shape.size(), 2u);
    EXPECT_EQ(tensor.shape[0], kRows);
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t c = 0; c < tensor.shape[1]; ++c) {
        const auto i = static_cast<size_t>(row * tensor.shape[1] + c);
        if (name == "numbers") {
          ASSERT_EQ(tensor.dtype, DType::kI32);
          ASSERT_EQ(tensor.As<int32_t>()[i], static_cast<int32_t>(FakeValue(row, c)));
        } else {
          ASSERT_EQ(tensor.dtype, DType::kF32);
          ASSERT_EQ(tensor.As<float>()[i], FakeValue(row, c));
        }
      }
    }
  }
  EXPECT_EQ(tap.seen["whole"].shape[1], 5);
  EXPECT_EQ(tap.seen["split"].shape[1], 7);
  EXPECT_EQ(tap.seen["scattered"].shape[1], 9);
  EXPECT_EQ(tap.seen["repeated"].shape[1], 4);
  EXPECT_EQ(tap.seen["numbers"].shape[1], 6);
  Finish();
  ExpectValues(0, {});
}

TEST_F(RankTapTest, WhatItChangesReachesEveryRank) {
  NotingTap tap;
  tap.added = 17;
  tap.unwanted = "scattered";
  executor_->SetTap(&tap);
  ASSERT_TRUE(executor_->Step(Plan()));
  Finish();
  ExpectValues(17, {"scattered", "addend"});
}

// The other ranks are still in the step, before a value that the next tap wants and this one did
// not.
TEST_F(RankTapTest, ANewTapChangesNothingInTheStepBefore) {
  for (int rank = 1; rank < kRanks; ++rank) backend_.notes(rank).slow_value = "numbers";
  for (int round = 0; round < 10; ++round) {
    auto tap = std::make_unique<NotingTap>();
    tap->unwanted = "numbers";
    executor_->SetTap(tap.get());
    ASSERT_TRUE(executor_->Step(Plan()));
    EXPECT_EQ(tap->names.size(), 4u);
    NotingTap next;
    executor_->SetTap(&next);
    tap.reset();
    const Result<StepResult> result = executor_->Step(Plan());
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(next.names.size(), 5u);
    executor_->SetTap(nullptr);
    ASSERT_TRUE(executor_->Step(Plan()));
    EXPECT_EQ(next.names.size(), 5u);
  }
}

// Rank 0 has given up, the others have yet to ask.
TEST_F(RankTapTest, ARemovedTapIsNotUsedAfterAFailure) {
  for (int rank = 1; rank < kRanks; ++rank) backend_.notes(rank).slow_value = "whole";
  auto tap = std::make_unique<NotingTap>();
  tap->failing = "whole";
  executor_->SetTap(tap.get());
  EXPECT_FALSE(executor_->Step(Plan()));
  executor_->SetTap(nullptr);
  tap.reset();
  EXPECT_FALSE(executor_->Step(Plan()));
}

TEST_F(RankTapTest, ItsErrorIsTheStepsError) {
  NotingTap tap;
  tap.failing = "numbers";
  executor_->SetTap(&tap);
  for (int i = 0; i < 2; ++i) {
    const Result<StepResult> result = executor_->Step(Plan());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "rank 0: [tap] numbers: no room");
  }
  executor_->SetTap(nullptr);
}

TEST(SharedTap, RanksMustAgreeAboutValues) {
  struct Case {
    std::vector<ValueInfo> first;
    std::vector<ValueInfo> second;
    std::string error;
  };
  ValueInfo addend = Value("a", 4);
  addend.partial = true;
  const std::string another =
      "[tap] a: expected the same value on every rank, got another on rank 1";
  for (const Case& wrong :
       std::vector<Case>{{{Value("a", 4)}, {Value("a", 5)}, another},
                         {{Value("a", 4)}, {addend}, another},
                         {{}, {Value("a", 4)}, another},
                         {{Value("a", 4)}, {}, "[tap] a: expected the value on all 2 ranks, got 1"},
                         {{Value("a", {4, {{0, 2}}})},
                          {Value("a", {4, {{3, 2}}})},
                          "[tap] a: expected parts of 4 columns, got 2 from 3"}}) {
    Graph first;
    first.values = wrong.first;
    Graph second;
    second.values = wrong.second;
    const auto shared = SharedTap::Create({&first, &second});
    ASSERT_FALSE(shared);
    EXPECT_EQ(shared.error().message, wrong.error);
  }
}

}  // namespace
}  // namespace fairlead
