// The engine on real models: Hugging Face's greedy continuations, in a batch, on every backend.
#include <gtest/gtest.h>

#include "runtime/engine.h"
#include "runtime/score.h"
#include "tests/parity/golden.h"
#include "tests/runtime/collected.h"

namespace fairlead::testing {
namespace {

class GoldenEngine : public ::testing::TestWithParam<std::tuple<std::string, Variant>> {
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

  std::unique_ptr<Executor> Load(int max_rows, int max_slots) const {
    ExecutorOptions options;
    options.max_rows = max_rows;
    options.max_slots = max_slots;
    options.max_position = std::min<int64_t>(program_->facts.max_positions, 512);
    return LoadVariant(variant(), program_, options).value();
  }

  // The greedy answers to all golden prompts, run side by side.
  std::vector<Collected> AnswerAll(int max_rows, int max_slots) const {
    const std::unique_ptr<Executor> executor = Load(max_rows, max_slots);
    const std::unique_ptr<Engine> engine = Engine::Create(*executor, program_->facts, {}).value();
    Collector collector;
    std::vector<RequestId> ids;
    for (const GoldenPrompt& prompt : golden_.prompts) {
      Request request;
      request.prompt = prompt.prompt;
      request.sampling.temperature = 0.0f;
      request.max_tokens = static_cast<int64_t>(prompt.greedy.size());
      request.ignore_eos = true;
      request.logprobs = true;
      ids.push_back(collector.Submit(*engine, request));
    }
    Drain(*engine);
    std::vector<Collected> in_order;
    for (RequestId id : ids) in_order.push_back(collector.of(id));
    return in_order;
  }

  GoldenCase golden_;
  std::shared_ptr<const Program> program_;
};

TEST_P(GoldenEngine, ABatchContinuesEveryPromptAsHuggingFaceDoes) {
  const std::vector<Collected> answers = AnswerAll(24, 3);
  const double noise = 1e-3 * golden_.max_abs_logit;
  for (size_t p = 0; p < answers.size(); ++p) {
    const GoldenPrompt& expected = golden_.prompts[p];
    ASSERT_EQ(answers[p].tokens.size(), expected.greedy.size());
    for (size_t i = 0; i < expected.greedy.size(); ++i) {
      if (answers[p].tokens[i] == expected.greedy[i]) continue;
      // What follows a step that noise may decide continues another text.
      EXPECT_LT(expected.margins[i], noise) << "prompt " << p << " step " << i;
      break;
    }
  }
}

TEST_P(GoldenEngine, BudgetAndCompanyChangeNoBit) {
  const std::vector<Collected> alone = AnswerAll(512, 1);
  for (const auto& [max_rows, max_slots] : {std::pair(1, 1), {5, 2}, {512, 8}}) {
    const std::vector<Collected> batch = AnswerAll(max_rows, max_slots);
    for (size_t p = 0; p < alone.size(); ++p) {
      EXPECT_EQ(batch[p].tokens, alone[p].tokens) << max_rows << " rows, prompt " << p;
      EXPECT_EQ(batch[p].logprobs, alone[p].logprobs) << max_rows << " rows, prompt " << p;
    }
  }
}

TEST_P(GoldenEngine, ScoresInChunksAreThoseOfOneStep) {
  std::vector<int32_t> ids = golden_.prompts[0].prompt;
  ids.insert(ids.end(), golden_.prompts[0].greedy.begin(), golden_.prompts[0].greedy.end());
  const Tensor whole = ScoreTokens(*Load(512, 1), program_->facts, ids).value();
  for (int max_rows : {1, 7}) {
    const Tensor chunked = ScoreTokens(*Load(max_rows, 1), program_->facts, ids).value();
    EXPECT_EQ(chunked.shape, whole.shape);
    EXPECT_EQ(chunked.bytes, whole.bytes) << max_rows << " rows";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Goldens, GoldenEngine,
    ::testing::Combine(::testing::Values("bf16_sliding", "mxfp4_published", "tied_odd"),
                       ::testing::ValuesIn(AllVariants())),
    [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param).name; });

}  // namespace
}  // namespace fairlead::testing
