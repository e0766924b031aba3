// Models that ranks share: the goldens at every degree, against one rank and Hugging Face.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "runtime/parallel_executor.h"
#include "tests/parity/golden.h"
#include "tests/parity/sharding_rules.h"

namespace fairlead::testing {
namespace {

constexpr double kTolerance = 2e-4;  // of the largest value, against one rank
constexpr int kWhole = 4096;         // more rows than any run has

// The reference, the best instruction set and the portable one.
std::vector<Variant> ThreeVariants() {
  const std::vector<Variant> all = AllVariants();
  std::vector<Variant> three = {all[0], all[1]};
  if (all.size() > 2) three.push_back(all.back());
  return three;
}

int Argmax(std::span<const float> row) {
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

std::vector<float> Floats(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// What greedy decoding must choose after each position; -1 where noise may decide.
std::vector<int32_t> SureChoices(const GoldenPrompt& golden, double noise) {
  std::vector<int32_t> choices;
  const auto columns = static_cast<size_t>(golden.logits.shape[1]);
  const std::vector<float> logits = Floats(golden.logits.bytes);
  for (size_t row = 0; row + 1 < golden.prompt.size(); ++row) {
    std::vector<float> ranked(logits.begin() + static_cast<std::ptrdiff_t>(row * columns),
                              logits.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns));
    const int best = Argmax(ranked);
    std::nth_element(ranked.begin(), ranked.begin() + 1, ranked.end(), std::greater<>());
    choices.push_back(ranked[0] - ranked[1] > noise ? best : -1);
  }
  for (size_t step = 0; step < golden.greedy.size(); ++step) {
    choices.push_back(golden.margins[step] > noise ? golden.greedy[step] : -1);
  }
  return choices;
}

// The golden text: the prompt and all that follows but the last token, which nothing reads.
std::vector<int32_t> Text(const GoldenPrompt& golden) {
  std::vector<int32_t> text = golden.prompt;
  text.insert(text.end(), golden.greedy.begin(), golden.greedy.end() - 1);
  return text;
}

// Loads all ranks with FAIRLEAD_FORCE_ISA set to the variant's.
Result<std::unique_ptr<Executor>> LoadRanks(const Variant& variant,
                                            const std::vector<std::shared_ptr<Program>>& programs,
                                            const ExecutorOptions& options) {
  const ForcedIsa forced(variant.isa);
  return CreateParallelExecutor(*variant.backend, {programs.begin(), programs.end()}, options);
}

class Sharding : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto golden = LoadGolden(GetParam());
    ASSERT_TRUE(golden) << golden.error().message;
    golden_ = std::move(*golden);
    auto model = CreateModel(golden_.checkpoint->config(), {});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    sizes_ = SizesOf(model_->BuildGraph({}).value());
    for (Degrees degrees : AllDegrees()) {
      if (!MustRefuse(sizes_, degrees)) valid_.push_back(degrees);
    }
    ASSERT_GE(valid_.size(), 2u);
  }

  std::vector<std::shared_ptr<Program>> Programs(const Variant& variant, Degrees degrees) const {
    auto programs = MakeRanks(golden_.checkpoint->config(), *golden_.checkpoint, *variant.backend,
                              degrees.tp, degrees.ep);
    EXPECT_TRUE(programs) << programs.error().message;
    return programs ? std::move(*programs) : std::vector<std::shared_ptr<Program>>{};
  }

  // Everything recorded over a run of `sequences` in steps of up to `budget` rows.
  static Trace Run(const Variant& variant, const std::vector<std::shared_ptr<Program>>& programs,
                   const std::vector<Sequence>& sequences, int budget, int threads = 1,
                   const Recording& recording = {}) {
    if (programs.empty()) return {};
    int64_t longest = 0;
    int slots = 0;
    for (const Sequence& sequence : sequences) {
      longest = std::max(longest, static_cast<int64_t>(sequence.tokens.size()));
      slots = std::max(slots, sequence.slot + 1);
    }
    const SlotPages pages(programs[0]->facts, slots, longest, static_cast<uint64_t>(budget));
    const auto executor =
        LoadRanks(variant, programs,
                  {.threads = threads,
                   .max_rows = static_cast<int>(std::min<int64_t>(budget, slots * longest)),
                   .max_slots = slots,
                   .max_position = longest,
                   .kv_pages = pages.kv_pages()});
    if (!executor) {
      ADD_FAILURE() << executor.error().message;
      return {};
    }
    auto trace =
        RunSchedule(**executor, CutIntoSteps(sequences, budget), sequences, pages, recording);
    if (!trace) {
      ADD_FAILURE() << trace.error().message;
      return {};
    }
    return std::move(*trace);
  }

  // The golden text, a single token, and two other lengths of it.
  std::vector<Sequence> UnequalSequences() const {
    const std::vector<int32_t> text = Text(golden_.prompts[0]);
    return {{0, text},
            {1, {text[3]}},
            {2, {text.begin() + 5, text.begin() + 40}},
            {3, {text.rbegin(), text.rbegin() + 33}}};
  }

  // The most ranks of those degrees that `wanted` picks; one rank where it picks none.
  template <typename Wanted>
  Degrees Largest(const Wanted& wanted) const {
    Degrees largest;
    for (Degrees degrees : valid_) {
      if (wanted(degrees) && degrees.ranks() >= largest.ranks()) largest = degrees;
    }
    return largest;
  }

  GoldenCase golden_;
  std::unique_ptr<const Model> model_;
  Sizes sizes_;
  std::vector<Degrees> valid_;  // those that divide this model
};

TEST_P(Sharding, AllDegreesGiveTheLogitsOfOneRankAndTheChoicesOfHuggingFace) {
  const std::vector<Sequence> text = {{0, Text(golden_.prompts[0])}};
  const std::vector<int32_t> choices =
      SureChoices(golden_.prompts[0], 1e-3 * golden_.max_abs_logit);
  ASSERT_EQ(choices.size(), text[0].tokens.size());
  ASSERT_GE(std::count_if(choices.begin(), choices.end(), [](int32_t id) { return id >= 0; }), 64);
  for (const Variant& variant : ThreeVariants()) {
    const RowBytes one = Run(variant, Programs(variant, {}), text, kWhole)["logits"];
    ASSERT_EQ(one.size(), choices.size());
    for (Degrees degrees : valid_) {
      SCOPED_TRACE(fmt::format("{} {}", variant.name, degrees.ToString()));
      const RowBytes shared = Run(variant, Programs(variant, degrees), text, kWhole)["logits"];
      EXPECT_LE(RelativeDistance(one, shared), kTolerance);
      for (const auto& [place, row] : shared) {
        const int32_t expected = choices[static_cast<size_t>(place.second)];
        if (expected < 0) continue;
        EXPECT_EQ(Argmax(Floats(row)), expected) << "after " << place.second;
      }
    }
  }
}

TEST_P(Sharding, RunsRepeatBitForBit) {
  const std::vector<Sequence> texts = UnequalSequences();
  const Degrees uneven = Largest([](Degrees d) { return d.tp == 3; });
  const Degrees most = Largest([](Degrees) { return true; });
  for (const Variant& variant : ThreeVariants()) {
    for (Degrees degrees : {uneven, most}) {
      if (degrees.ranks() == 1) continue;  // not every model can be divided by 3
      SCOPED_TRACE(fmt::format("{} {}", variant.name, degrees.ToString()));
      const auto programs = Programs(variant, degrees);
      const RowBytes first = Run(variant, programs, texts, 19)["logits"];
      EXPECT_FALSE(first.empty());
      for (int repeat = 0; repeat < 2; ++repeat) {
        EXPECT_TRUE(Run(variant, programs, texts, 19)["logits"] == first);
      }
    }
  }
}

TEST_P(Sharding, RaggedPlansAndChunksEqualTokenByToken) {
  const std::vector<Sequence> texts = UnequalSequences();
  const Degrees four = Largest([](Degrees d) { return d.tp == 4 || d.ranks() <= 3; });
  ASSERT_GT(four.ranks(), 1);
  for (const Variant& variant : ThreeVariants()) {
    const auto programs = Programs(variant, four);
    RowBytes alone;
    for (const Sequence& text : texts) alone.merge(Run(variant, programs, {text}, 1)["logits"]);
    for (int budget : {7, 33, kWhole}) {
      SCOPED_TRACE(fmt::format("{} {} steps of {}", variant.name, four.ToString(), budget));
      EXPECT_TRUE(Run(variant, programs, texts, budget)["logits"] == alone);
      const RowBytes threads = Run(variant, programs, texts, budget, 2 * four.ranks())["logits"];
      EXPECT_TRUE(threads == alone) << "two threads a rank";
    }
  }
}

// Multiplies a parameter of one rank's program.
void Scale(Program& program, const std::string& name, float factor) {
  PackedTensor& tensor = program.weights.tensors.at(name);
  const auto values = std::make_shared<std::vector<float>>();
  std::vector<float> row(static_cast<size_t>(tensor.columns()));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    ReadRow(tensor, 0, r, row.data());
    for (float value : row) values->push_back(value * factor);
  }
  tensor.layout = {LayoutOrder::kRowMajor, StorageFormat::kF32};
  tensor.bytes = std::as_bytes(std::span(*values));
  program.weights.owners.push_back(values);
}

TEST_P(Sharding, EveryBiasCountsOnce) {
  const std::vector<Sequence> text = {{0, golden_.prompts[0].prompt}};
  const Recording recording{
      .names = {"layers.0.self_attn.o_proj", "layers.1.mlp.experts", "layers.1.output"}};
  const auto huge = [&](const Variant& variant, Degrees degrees) {
    auto programs = Programs(variant, degrees);
    for (const auto& program : programs) {
      Scale(*program, "model.layers.0.self_attn.o_proj.bias", 1e3f);
      Scale(*program, "model.layers.1.mlp.experts.down_proj_bias", 1e4f);
    }
    return Run(variant, programs, text, kWhole, 1, recording);
  };
  for (const Variant& variant : ThreeVariants()) {
    const Trace one = huge(variant, {});
    ASSERT_EQ(one.size(), recording.names.size() + 1);
    for (Degrees degrees : valid_) {
      const Trace shared = huge(variant, degrees);
      ASSERT_EQ(shared.size(), one.size());
      for (const auto& [name, rows] : one) {
        EXPECT_LE(RelativeDistance(rows, shared.at(name)), kTolerance)
            << variant.name << " " << degrees.ToString() << " " << name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, Sharding, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace fairlead::testing
