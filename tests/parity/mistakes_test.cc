// The goldens catch mistakes: a model with any one of them is far from Hugging Face's logits in at
// least one golden case, and a model without is near in all.
#include "tests/parity/mistakes.h"

#include <gtest/gtest.h>

#include <limits>

#include "backends/reference/reference_backend.h"
#include "tests/parity/golden.h"

namespace fairlead::testing {
namespace {

// Ten times what the loosest backend may be off by.
constexpr double kFar = 1e-2;

// How far the golden prompt's logits are off with a mistake; an error where it cannot be made.
Result<double> Distance(const GoldenCase& golden, const Mistake& mistake) {
  const Variant reference{"reference", &ReferenceBackend(), Isa::kScalar};
  Json config = golden.checkpoint->config();
  if (mistake.config) mistake.config(config);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto program,
                            MakeProgram(config, *golden.checkpoint, *reference.backend));
  if (mistake.program) mistake.program(*program);
  const std::vector<int32_t>& prompt = golden.prompts[0].prompt;
  const auto length = static_cast<int>(prompt.size());
  const SlotPages pages(program->facts, 1, length, 10);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, LoadVariant(reference, program,
                                                             {.max_rows = length,
                                                              .max_slots = 1,
                                                              .max_position = length,
                                                              .kv_pages = pages.kv_pages()}));
  const auto tap = mistake.tap ? mistake.tap(*program) : nullptr;
  executor->SetTap(tap.get());
  FAIRLEAD_ASSIGN_OR_RETURN(const StepResult result,
                            executor->Step(MakePlan({{0, 0, length}}, {{0, prompt}}, pages)));
  return RelativeDistance(GoldenRows(golden.prompts[0].logits), GoldenRows(result.logits.view()));
}

std::vector<GoldenCase> AllCases() {
  std::vector<GoldenCase> cases;
  for (const std::string& name : GoldenNames()) {
    auto golden = LoadGolden(name);
    EXPECT_TRUE(golden) << golden.error().message;
    if (golden) cases.push_back(std::move(*golden));
  }
  return cases;
}

TEST(Mistakes, AreEachFarFromHuggingFaceInAGoldenCase) {
  const std::vector<GoldenCase> cases = AllCases();
  fmt::print("{:<52} {:>6}  {:<18} {}\n", "mistake", "caught", "most in", "off by");
  for (const Mistake& mistake : AllMistakes()) {
    int caught = 0;
    double most = 0;
    std::string where = "-";
    for (const GoldenCase& golden : cases) {
      // Where a mistake cannot be made (a top-k past the experts), it is not caught either.
      const double distance = Distance(golden, mistake).value_or(0);
      if (distance > kFar) ++caught;
      if (distance > most) where = golden.name;
      most = std::max(most, distance);
    }
    fmt::print("{:<52} {:>6}  {:<18} {:.1e}\n", mistake.name, caught, where, most);
    EXPECT_GT(caught, 0) << mistake.name;
  }
}

TEST(Mistakes, AbsentLeaveEveryCaseNear) {
  for (const GoldenCase& golden : AllCases()) {
    for (const Mistake& none : NoMistakes()) {
      const auto distance = Distance(golden, none);
      ASSERT_TRUE(distance) << distance.error().message;
      EXPECT_LT(*distance, 1e-4) << golden.name << ": " << none.name;
    }
  }
}

}  // namespace
}  // namespace fairlead::testing
