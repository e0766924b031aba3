// The law of equal rows on whole models: the logits of a position depend on the tokens before it,
// and on nothing else that happens to run.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/parity/golden.h"

namespace fairlead::testing {
namespace {

constexpr int kWhole = 4096;  // more rows than any run has

class Bits : public ::testing::TestWithParam<std::tuple<std::string, Variant>> {
 protected:
  void SetUp() override {
    const auto golden = LoadGolden(std::get<0>(GetParam()));
    ASSERT_TRUE(golden) << golden.error().message;
    auto program =
        MakeProgram(golden->checkpoint->config(), *golden->checkpoint, *variant().backend);
    ASSERT_TRUE(program) << program.error().message;
    program_ = std::move(*program);
    sequences_ = UnequalSequences(golden->prompts[0]);
  }
  const Variant& variant() const { return std::get<1>(GetParam()); }

  // The golden text whole, a single token, and two other lengths of it.
  static std::vector<Sequence> UnequalSequences(const GoldenPrompt& golden) {
    std::vector<int32_t> text = golden.prompt;
    text.insert(text.end(), golden.greedy.begin(), golden.greedy.end());
    return {{0, text},
            {1, {text[3]}},
            {2, {text.begin() + 5, text.begin() + 40}},
            {3, {text.rbegin(), text.rbegin() + 33}}};
  }

  RowBytes RunAll(const std::vector<Sequence>& sequences, int budget, int threads, uint64_t seed) {
    int64_t longest = 0;
    int slots = 0;
    for (const Sequence& sequence : sequences) {
      longest = std::max(longest, static_cast<int64_t>(sequence.tokens.size()));
      slots = std::max(slots, sequence.slot + 1);
    }
    const SlotPages pages(program_->facts, slots, longest, seed);
    const auto executor = LoadVariant(variant(), program_,
                                      {.threads = threads,
                                       .max_rows = budget,
                                       .max_slots = slots,
                                       .max_position = longest,
                                       .kv_pages = pages.kv_pages()});
    if (!executor) {
      ADD_FAILURE() << executor.error().message;
      return {};
    }
    auto trace = RunSchedule(**executor, CutIntoSteps(sequences, budget), sequences, pages);
    if (!trace) {
      ADD_FAILURE() << trace.error().message;
      return {};
    }
    return std::move((*trace)["logits"]);
  }

  std::shared_ptr<const Program> program_;
  std::vector<Sequence> sequences_;
};

TEST_P(Bits, ChunkedPrefillAndTokenByTokenEqualWholePrefill) {
  const std::vector<Sequence> text = {sequences_[0]};
  const RowBytes whole = RunAll(text, kWhole, 1, 5);
  ASSERT_EQ(whole.size(), text[0].tokens.size());
  for (int chunk : {1, 2, 3, 7, 16, 33, 64}) {
    EXPECT_TRUE(RunAll(text, chunk, 1, 6) == whole) << "chunks of " << chunk;
  }
}

TEST_P(Bits, UnequalPromptsInOneBatchEqualEachAlone) {
  RowBytes alone;
  for (const Sequence& sequence : sequences_) {
    alone.merge(RunAll({sequence}, kWhole, 1, 7));
  }
  for (int budget : {1, 2, 7, 19, 64, kWhole}) {
    EXPECT_TRUE(RunAll(sequences_, budget, 1, 8) == alone) << "steps of " << budget;
  }
}

TEST_P(Bits, TwoThreadsEqualOne) {
  const RowBytes one = RunAll(sequences_, kWhole, 1, 9);
  for (int budget : {2, 19, kWhole}) {
    EXPECT_TRUE(RunAll(sequences_, budget, 2, 9) == one) << "steps of " << budget;
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, Bits,
                         ::testing::Combine(::testing::ValuesIn(GoldenNames()),
                                            ::testing::ValuesIn(AllVariants())),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace fairlead::testing
