// A plan survives the wire, and nothing on the wire can do harm.
#include "backends/step_plan_wire.h"

#include <gtest/gtest.h>

#include "tests/support/random.h"

namespace fairlead {
namespace {

using testing::Random;

PageTable RandomTable(Random& random) {
  const auto list = [&] { return random.Ints(static_cast<size_t>(random.Int(0, 6)), -9, 99); };
  return {list(), list(), list()};
}

// Not one that an executor would run: any lists of any length.
StepPlan RandomPlan(Random& random) {
  StepPlan plan;
  plan.spans.resize(static_cast<size_t>(random.Int(0, 5)));
  for (Span& span : plan.spans) {
    span.slot = static_cast<int>(random.Int(-2, 8));
    span.start_position = static_cast<int>(random.Int(INT32_MIN, INT32_MAX));
    span.token_count = static_cast<int>(random.Int(0, 999));
  }
  plan.token_ids = random.Ints(static_cast<size_t>(random.Int(0, 40)), 0, 201087);
  plan.output_rows = random.Ints(static_cast<size_t>(random.Int(0, 4)), 0, 39);
  plan.pages.resize(static_cast<size_t>(random.Int(0, 3)));
  for (PageTable& table : plan.pages) table = RandomTable(random);
  return plan;
}

void ExpectEqual(const StepPlan& a, const StepPlan& b) {
  ASSERT_EQ(a.spans.size(), b.spans.size());
  for (size_t i = 0; i < a.spans.size(); ++i) {
    EXPECT_EQ(a.spans[i].slot, b.spans[i].slot);
    EXPECT_EQ(a.spans[i].start_position, b.spans[i].start_position);
    EXPECT_EQ(a.spans[i].token_count, b.spans[i].token_count);
  }
  EXPECT_EQ(a.token_ids, b.token_ids);
  EXPECT_EQ(a.output_rows, b.output_rows);
  ASSERT_EQ(a.pages.size(), b.pages.size());
  for (size_t i = 0; i < a.pages.size(); ++i) {
    EXPECT_EQ(a.pages[i].first_page, b.pages[i].first_page);
    EXPECT_EQ(a.pages[i].offsets, b.pages[i].offsets);
    EXPECT_EQ(a.pages[i].pages, b.pages[i].pages);
  }
}

// Either an error, or the plan whose bytes exactly these are.
void ExpectTotal(const std::vector<std::byte>& bytes) {
  const Result<StepPlan> plan = ParsePlan(bytes);
  if (plan) {
    EXPECT_EQ(SerialisePlan(*plan), bytes);
  } else {
    EXPECT_EQ(plan.error().code, ErrorCode::kInvalidData);
    EXPECT_EQ(plan.error().message.find("[step plan] "), 0u);
  }
}

TEST(StepPlanWire, RandomPlansComeBackEqual) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const StepPlan plan = RandomPlan(random);
    const Result<StepPlan> parsed = ParsePlan(SerialisePlan(plan));
    ASSERT_TRUE(parsed) << parsed.error().message;
    ExpectEqual(*parsed, plan);
  }
}

TEST(StepPlanWire, EveryTruncationIsRefused) {
  Random random(2);
  for (int i = 0; i < 50; ++i) {
    const std::vector<std::byte> bytes = SerialisePlan(RandomPlan(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(ParsePlan(std::span(bytes).first(size)));
    }
  }
}

TEST(StepPlanWire, MoreBytesAreRefused) {
  std::vector<std::byte> bytes = SerialisePlan({});
  bytes.resize(bytes.size() + 1);
  const Result<StepPlan> plan = ParsePlan(bytes);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, "[step plan] end: expected no more bytes, got 1");
}

TEST(StepPlanWire, FlippedBitsGiveAnErrorOrAnotherPlan) {
  Random random(3);
  for (int i = 0; i < 20; ++i) {
    const std::vector<std::byte> bytes = SerialisePlan(RandomPlan(random));
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::vector<std::byte> flipped = bytes;
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      ExpectTotal(flipped);
    }
  }
}

TEST(StepPlanWire, RandomWordsGiveAnErrorOrAPlan) {
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    std::vector<int32_t> words = random.Ints(static_cast<size_t>(random.Int(0, 12)), -1, 4);
    if (!words.empty()) words[0] = 0x314c5046;
    const auto bytes = std::as_bytes(std::span(words));
    ExpectTotal({bytes.begin(), bytes.end()});
  }
}

// The lengths promise more than any memory holds.
TEST(StepPlanWire, HugeLengthsAreRefusedBeforeAnyMemoryIsTaken) {
  for (size_t word = 1; word <= 4; ++word) {
    std::vector<uint32_t> words{0x314c5046, 0, 0, 0, 0};
    words[word] = 0xffffffff;
    const Result<StepPlan> plan = ParsePlan(std::as_bytes(std::span(words)));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message.find("[step plan] a list: expected "), 0u);
  }
}

}  // namespace
}  // namespace fairlead
