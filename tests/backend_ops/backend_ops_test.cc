// Every op of ops.def on every backend and instruction set: equal to the reference, and each row
// equal to the last bit whatever runs with it and however many threads run it.
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/cpu/cpu_backend.h"
#include "backends/reference/reference_backend.h"
#include "tests/backend_ops/cases.h"

namespace fairlead::testing {
namespace {

struct OpUnderTest {
  std::string_view name;
  std::vector<OpCase> (*cases)();
};
const OpUnderTest kOps[] = {
#define FAIRLEAD_OP(Name, text) {text, [] { return Cases(Name##Op{}); }},
#include "graph/ops.def"
#undef FAIRLEAD_OP
};

std::vector<Variant> AllVariants() {
  std::vector<Variant> variants = IsaVariants(CpuBackend());
  variants.push_back({"reference", &ReferenceBackend(), Isa::kScalar});
  return variants;
}

// Rows of the whole case in steps of up to `budget`.
Result<Trace> RunCase(const OpCase& op_case, const Variant& variant, int budget, int threads) {
  auto program = std::make_shared<Program>();
  program->facts = op_case.facts;
  program->graph = op_case.graph;
  program->weights = RandomWeights(op_case.graph, *variant.backend, op_case.fills);
  int64_t longest = 0;
  for (const Sequence& sequence : op_case.sequences) {
    longest = std::max(longest, static_cast<int64_t>(sequence.tokens.size()));
  }
  const SlotPages pages(op_case.facts, static_cast<int>(op_case.sequences.size()), longest, 4);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor,
                            LoadVariant(variant, program,
                                        {.threads = threads,
                                         .max_rows = budget,
                                         .max_slots = static_cast<int>(op_case.sequences.size()),
                                         .max_position = longest,
                                         .kv_pages = pages.kv_pages()}));
  return RunSchedule(*executor, CutIntoSteps(op_case.sequences, budget), op_case.sequences, pages,
                     op_case.recording);
}

class BackendOps : public ::testing::TestWithParam<std::tuple<OpUnderTest, Variant>> {
 protected:
  std::vector<OpCase> cases() const { return std::get<0>(GetParam()).cases(); }
  const Variant& variant() const { return std::get<1>(GetParam()); }
};

constexpr int kWhole = 4096;  // more rows than any case has

TEST_P(BackendOps, EqualTheReference) {
  const Variant reference{"reference", &ReferenceBackend(), Isa::kScalar};
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.name);
    const auto expected = RunCase(op_case, reference, kWhole, 1);
    ASSERT_TRUE(expected) << expected.error().message;
    const auto found = RunCase(op_case, variant(), 64, 1);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), op_case.recording.names.size() + 1);
    for (const auto& [name, rows] : *expected) {
      ASSERT_FALSE(rows.empty()) << name;
      if (std::count(op_case.exact.begin(), op_case.exact.end(), name) > 0) {
        EXPECT_TRUE(rows == found->at(name)) << name;
      } else {
        EXPECT_LT(RelativeDistance(rows, found->at(name)), 1e-4) << name;
      }
    }
  }
}

TEST_P(BackendOps, GiveEachRowTheSameBitsInStepsOf1And2And7And64AndAllRowsOn1And2Threads) {
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.name);
    const auto expected = RunCase(op_case, variant(), kWhole, 1);
    ASSERT_TRUE(expected) << expected.error().message;
    for (const auto& [budget, threads] :
         {std::pair{1, 1}, {2, 1}, {7, 1}, {64, 1}, {7, 2}, {64, 2}, {kWhole, 2}}) {
      const auto found = RunCase(op_case, variant(), budget, threads);
      ASSERT_TRUE(found) << found.error().message;
      for (const auto& [name, rows] : *expected) {
        EXPECT_TRUE(rows == found->at(name))
            << name << " in steps of " << budget << " rows on " << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, BackendOps,
                         ::testing::Combine(::testing::ValuesIn(kOps),
                                            ::testing::ValuesIn(AllVariants())),
                         [](const auto& info) {
                           return fmt::format("{}_{}", std::get<0>(info.param).name,
                                              std::get<1>(info.param).name);
                         });

}  // namespace
}  // namespace fairlead::testing
