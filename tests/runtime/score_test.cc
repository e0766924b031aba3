// Scoring gives every position's logits, however many steps it takes.
#include "runtime/score.h"

#include <gtest/gtest.h>

#include "tests/runtime/fake_executor.h"

namespace fairlead {
namespace {

using testing::FakeExecutor;

std::vector<int32_t> SomeTokens(int count) {
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(i * i % testing::kFakeVocabulary);
  return ids;
}

TEST(ScoreTokens, LongTextsRunInChunksAndLoseNothing) {
  const std::vector<int32_t> ids = SomeTokens(150);
  for (int max_rows : {1, 7, 32, 100, 150, 512}) {
    SCOPED_TRACE(max_rows);
    FakeExecutor executor({.max_rows = max_rows, .max_slots = 2});
    const Result<Tensor> logits = ScoreTokens(executor, executor.facts(), ids);
    ASSERT_TRUE(logits) << logits.error().message;
    ASSERT_EQ(logits->shape, (Shape{150, testing::kFakeVocabulary}));
    EXPECT_EQ(executor.plans().size(), (ids.size() + max_rows - 1) / max_rows);
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::vector<float> expected =
          testing::FakeLogits(std::vector<int32_t>(ids.begin(), ids.begin() + i + 1));
      const auto row = logits->As<float>().subspan(i * expected.size(), expected.size());
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), row.begin())) << "position " << i;
    }
  }
}

TEST(ScoreTokens, ALongTextNeedsSlidingPagesForItsWindowOnly) {
  // 40 positions of the window and 16 rows touch at most 3 pages.
  FakeExecutor executor({.max_rows = 16, .kv_pages = {5, 3}});
  EXPECT_TRUE(ScoreTokens(executor, executor.facts(), SomeTokens(150)));
  FakeExecutor scarce({.max_rows = 16, .kv_pages = {5, 2}});
  EXPECT_EQ(ScoreTokens(scarce, scarce.facts(), SomeTokens(150)).error().code,
            ErrorCode::kResourceExhausted);
}

TEST(ScoreTokens, ASinkGetsEveryStepInTurnAndMayEndTheRun) {
  FakeExecutor executor({.max_rows = 16});
  std::vector<int64_t> starts;
  const auto sink = [&starts](int64_t first, const Tensor& logits) -> Status {
    starts.push_back(first);
    if (first == 32) return Fail(ErrorCode::kIo, "disk", "full");
    EXPECT_EQ(logits.shape, (Shape{16, testing::kFakeVocabulary}));
    return {};
  };
  EXPECT_EQ(ScoreTokens(executor, executor.facts(), SomeTokens(100), sink).error().message,
            "[disk] full");
  EXPECT_EQ(starts, (std::vector<int64_t>{0, 16, 32}));
}

TEST(ScoreTokens, MoreLogitsThanMemoryIsAnError) {
  FakeExecutor executor({.max_rows = 16});
  ModelFacts facts = executor.facts();
  // Beyond what a vector may hold at all: sanitizers end the process at less.
  facts.vocabulary_size = int64_t{1} << 55;
  const Result<Tensor> logits = ScoreTokens(executor, facts, SomeTokens(100));
  ASSERT_FALSE(logits);
  EXPECT_EQ(logits.error().code, ErrorCode::kResourceExhausted);
}

TEST(ScoreTokens, LogitsOfAnotherShapeAreABug) {
  FakeExecutor executor({.max_rows = 16});
  ModelFacts facts = executor.facts();
  facts.vocabulary_size = 49;
  EXPECT_EQ(ScoreTokens(executor, facts, SomeTokens(3)).error().message,
            "[executor] logits: expected F32 [3, 49], got F32 [3, 50]");
}

TEST(ScoreTokens, RefusesWhatCannotRun) {
  FakeExecutor executor({.max_rows = 16, .max_slots = 1, .max_position = 100});
  const ModelFacts& facts = executor.facts();
  EXPECT_EQ(ScoreTokens(executor, facts, {}).error().message,
            "[score] token ids: expected 1 to 100, got 0");
  EXPECT_EQ(ScoreTokens(executor, facts, SomeTokens(101)).error().message,
            "[score] token ids: expected 1 to 100, got 101");
  ModelFacts other = facts;
  other.kv_groups.pop_back();
  EXPECT_EQ(ScoreTokens(executor, other, SomeTokens(3)).error().message,
            "[executor] pages: expected 1 KV groups, got 2");
  const std::vector<int32_t> unknown = {1, 2, 50};
  EXPECT_EQ(ScoreTokens(executor, facts, unknown).error().message,
            "[step] token id: expected 0 to 49, got 50");
}

class NullTap final : public ValueTap {
 public:
  bool Wants(std::string_view) const override { return false; }
  Status Visit(std::string_view, DType, const Shape&, std::span<std::byte>) override { return {}; }
};

// Notes whether the tap was there during the step.
class TapWatcher final : public FakeExecutor {
 public:
  using FakeExecutor::FakeExecutor;
  Result<StepResult> Step(const StepPlan& plan) override {
    seen = tap();
    return FakeExecutor::Step(plan);
  }
  ValueTap* seen = nullptr;
};

TEST(ScoreTokens, TheTapIsThereForTheStepsAndGoneAfterwards) {
  NullTap tap;
  TapWatcher executor({.max_rows = 16, .max_slots = 1});
  ASSERT_TRUE(ScoreTokens(executor, executor.facts(), SomeTokens(20), &tap));
  EXPECT_EQ(executor.seen, &tap);
  EXPECT_EQ(executor.tap(), nullptr);
  executor.failure = Fail(ErrorCode::kIo, "device", "gone");
  EXPECT_FALSE(ScoreTokens(executor, executor.facts(), SomeTokens(20), &tap));
  EXPECT_EQ(executor.tap(), nullptr);
}

}  // namespace
}  // namespace fairlead
