// Every module against Hugging Face transformers, each judged with Hugging Face's own inputs: while
// a prompt runs, each named value is compared with the golden one and then replaced by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "tests/parity/golden.h"

namespace fairlead::testing {
namespace {

// The kinds of values, by what their names end in, and the module that computes them.
struct Module {
  std::string_view name;
  std::vector<std::string_view> endings;
};
const Module kModules[] = {
    {"Embedding", {"embed_tokens"}},
    {"Norm", {"input_layernorm", "post_attention_layernorm", "norm"}},
    {"Projection", {"q_proj", "k_proj", "v_proj", "o_proj"}},
    {"Rotary", {"q_rope", "k_rope"}},
    {"Attention", {"context"}},
    {"Router", {"router.logits", "weights", "indices"}},
    {"Experts", {"experts"}},
    {"DecoderLayer", {"attn_residual", "output"}},
    {"Head", {"logits"}},
};

const Module* ModuleOf(std::string_view name) {
  for (const Module& module : kModules) {
    for (std::string_view ending : module.endings) {
      if (name == ending || name.ends_with(fmt::format(".{}", ending))) return &module;
    }
  }
  return nullptr;
}

// Compares and replaces the values that `wanted` chooses and the golden file holds.
class Injector : public ValueTap {
 public:
  using Wanted = std::function<bool(std::string_view)>;
  Injector(const GoldenCase& golden, Wanted wanted) : golden_(golden), wanted_(std::move(wanted)) {}

  bool Wants(std::string_view name) const override {
    return wanted_(name) && golden_.values->Find(name).has_value();
  }

  Status Visit(std::string_view name, DType dtype, const Shape& shape,
               std::span<std::byte> bytes) override {
    const TensorView golden = *golden_.values->Find(name);
    if (dtype != golden.dtype || shape != golden.shape || bytes.size() != golden.bytes.size()) {
      return Fail(ErrorCode::kInternal, "test", "{}: expected {} {}, got {} {}", name,
                  DTypeName(golden.dtype), ShapeString(golden.shape), DTypeName(dtype),
                  ShapeString(shape));
    }
    seen.insert(std::string(name));
    const bool equal = std::equal(bytes.begin(), bytes.end(), golden.bytes.begin());
    double distance = equal ? 0 : 1;
    if (dtype == DType::kF32) {
      distance = RelativeDistance(GoldenRows(golden), GoldenRows({dtype, shape, bytes}));
    }
    double& worst = distances[ModuleOf(name)];
    worst = std::max(worst, distance);
    std::copy(golden.bytes.begin(), golden.bytes.end(), bytes.begin());
    return {};
  }

  std::set<std::string> seen;
  std::map<const Module*, double> distances;  // the worst of each module

 private:
  const GoldenCase& golden_;
  Wanted wanted_;
};

class Modules : public ::testing::TestWithParam<std::tuple<std::string, Variant>> {
 protected:
  void SetUp() override {
    auto golden = LoadGolden(std::get<0>(GetParam()));
    ASSERT_TRUE(golden) << golden.error().message;
    golden_ = std::move(*golden);
  }
  const Variant& variant() const { return std::get<1>(GetParam()); }

  // Runs the golden prompt in one step.
  void RunPrompt(Injector& injector) {
    auto program =
        MakeProgram(golden_.checkpoint->config(), *golden_.checkpoint, *variant().backend);
    ASSERT_TRUE(program) << program.error().message;
    const std::vector<int32_t>& prompt = golden_.prompts[0].prompt;
    const auto length = static_cast<int>(prompt.size());
    const SlotPages pages((*program)->facts, 1, length, 3);
    auto executor = LoadVariant(
        variant(), *program,
        {.max_rows = length, .max_slots = 1, .max_position = length, .kv_pages = pages.kv_pages()});
    ASSERT_TRUE(executor) << executor.error().message;
    (*executor)->SetTap(&injector);
    const auto result = (*executor)->Step(MakePlan({{0, 0, length}}, {{0, prompt}}, pages));
    ASSERT_TRUE(result) << result.error().message;
  }

  GoldenCase golden_;
};

TEST_P(Modules, ComputeWhatHuggingFaceComputesFromTheSameInputs) {
  Injector injector(golden_, [](std::string_view) { return true; });
  ASSERT_NO_FATAL_FAILURE(RunPrompt(injector));
  for (const Module& module : kModules) {
    ASSERT_TRUE(injector.distances.contains(&module)) << module.name;
    EXPECT_LT(injector.distances[&module], Tolerance(variant())) << module.name;
  }
  for (const std::string& name : golden_.values->names()) {
    EXPECT_TRUE(injector.seen.contains(name) || name == "input_ids") << name << " was not computed";
    EXPECT_TRUE(ModuleOf(name) != nullptr || name == "input_ids") << name << " has no module";
  }
}

TEST_P(Modules, InTheirOwnCompanyMakeHuggingFacesDecoderLayers) {
  Injector injector(golden_, [](std::string_view name) { return name.ends_with(".output"); });
  ASSERT_NO_FATAL_FAILURE(RunPrompt(injector));
  ASSERT_EQ(injector.distances.size(), 1u);
  EXPECT_LT(injector.distances.begin()->second, Tolerance(variant()));
}

INSTANTIATE_TEST_SUITE_P(Goldens, Modules,
                         ::testing::Combine(::testing::ValuesIn(GoldenNames()),
                                            ::testing::ValuesIn(AllVariants())),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace fairlead::testing
