#include "base/cpu_features.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace fairlead {
namespace {

// Restores FAIRLEAD_FORCE_ISA, which the caller of the tests may have set.
class ForceIsa : public testing::Test {
 protected:
  ForceIsa() {
    if (const char* value = std::getenv(kVariable)) before_ = value;
    ::unsetenv(kVariable);
  }
  ~ForceIsa() override {
    if (before_.empty()) {
      ::unsetenv(kVariable);
    } else {
      ::setenv(kVariable, before_.c_str(), 1);
    }
  }

  static constexpr const char* kVariable = "FAIRLEAD_FORCE_ISA";
  std::string before_;
};

TEST_F(ForceIsa, UnsetChoosesTheBestThatRuns) {
  const auto isa = ChooseIsa();
  ASSERT_TRUE(isa);
  EXPECT_TRUE(CpuSupports(*isa));
  for (Isa other : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (CpuSupports(other)) {
      EXPECT_LE(other, *isa);
    }
  }
}

TEST_F(ForceIsa, NamesAreObeyedOrRefused) {
  EXPECT_TRUE(CpuSupports(Isa::kScalar));
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    ::setenv(kVariable, std::string(IsaName(isa)).c_str(), 1);
    const auto chosen = ChooseIsa();
    ASSERT_EQ(chosen.has_value(), CpuSupports(isa)) << IsaName(isa);
    if (chosen) {
      EXPECT_EQ(*chosen, isa);
    }
  }
}

TEST_F(ForceIsa, UnknownNamesAreErrors) {
  for (const char* name : {"", "AVX2", "sse", "avx512 "}) {
    ::setenv(kVariable, name, 1);
    const auto chosen = ChooseIsa();
    ASSERT_FALSE(chosen) << name;
    EXPECT_NE(chosen.error().message.find("expected scalar, avx2 or avx512"), std::string::npos);
  }
}

}  // namespace
}  // namespace fairlead
