// The whole model against Hugging Face transformers, on every backend and instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/parity/golden.h"

namespace fairlead::testing {
namespace {

class Logits : public ::testing::TestWithParam<std::tuple<std::string, Variant>> {
 protected:
  void SetUp() override {
    auto golden = LoadGolden(std::get<0>(GetParam()));
    ASSERT_TRUE(golden) << golden.error().message;
    golden_ = std::move(*golden);
    auto program =
        MakeProgram(golden_.checkpoint->config(), *golden_.checkpoint, *variant().backend);
    ASSERT_TRUE(program) << program.error().message;
    program_ = std::move(*program);
  }
  const Variant& variant() const { return std::get<1>(GetParam()); }

  GoldenCase golden_;
  std::shared_ptr<const Program> program_;
};

int32_t Best(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// The best token after each step: the prompt, then what was chosen, one by one.
std::vector<int32_t> Greedy(Executor& executor, const SlotPages& pages, std::vector<int32_t> prompt,
                            size_t count) {
  std::vector<int32_t> chosen;
  Sequence sequence{0, std::move(prompt)};
  int done = 0;
  while (chosen.size() < count) {
    const int length = static_cast<int>(sequence.tokens.size());
    StepPlan plan = MakePlan({{0, done, length - done}}, {sequence}, pages);
    plan.output_rows = {plan.output_rows.back()};
    auto result = executor.Step(plan);
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return chosen;
    }
    chosen.push_back(Best(result->logits.As<float>()));
    sequence.tokens.push_back(chosen.back());
    done = length;
  }
  return chosen;
}

TEST_P(Logits, OfThePromptsAreHuggingFaces) {
  for (const GoldenPrompt& prompt : golden_.prompts) {
    const auto logits = PromptLogits(variant(), program_, prompt.prompt);
    ASSERT_TRUE(logits) << logits.error().message;
    EXPECT_LT(RelativeDistance(GoldenRows(prompt.logits), *logits), Tolerance(variant()));
  }
}

TEST_P(Logits, GreedyContinuationsAreHuggingFaces) {
  for (const GoldenPrompt& prompt : golden_.prompts) {
    const auto length = static_cast<int64_t>(prompt.prompt.size() + prompt.greedy.size());
    const SlotPages pages(program_->facts, 1, length, 2);
    auto executor = LoadVariant(variant(), program_,
                                {.max_rows = static_cast<int>(length),
                                 .max_slots = 1,
                                 .max_position = length,
                                 .kv_pages = pages.kv_pages()});
    ASSERT_TRUE(executor) << executor.error().message;
    const auto chosen = Greedy(**executor, pages, prompt.prompt, prompt.greedy.size());
    const double noise = 1e-3 * golden_.max_abs_logit;
    ASSERT_EQ(chosen.size(), 64u);
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (chosen[i] == prompt.greedy[i]) continue;
      // What follows a step that noise may decide continues another text.
      EXPECT_LT(prompt.margins[i], noise) << "step " << i;
      break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, Logits,
                         ::testing::Combine(::testing::ValuesIn(GoldenNames()),
                                            ::testing::ValuesIn(AllVariants())),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

TEST(Goldens, AreThere) { EXPECT_GE(GoldenNames().size(), 10u); }

}  // namespace
}  // namespace fairlead::testing
