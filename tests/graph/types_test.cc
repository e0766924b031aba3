#include "graph/types.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Dim, BindsTheSymbolItIs) {
  EXPECT_EQ(Dim::Rows().Bind(5, 3), 5);
  EXPECT_EQ(Dim::OutputRows().Bind(5, 3), 3);
  EXPECT_EQ(Dim(7).Bind(5, 3), 7);
}

TEST(Dim, EqualsOnlyItself) {
  EXPECT_EQ(Dim::Rows(), Dim::Rows());
  EXPECT_NE(Dim::Rows(), Dim::OutputRows());
  EXPECT_NE(Dim::Rows(), Dim(1));
  EXPECT_EQ(Dim(4), Dim(4));
  EXPECT_TRUE(Dim::OutputRows().is_symbol());
  EXPECT_FALSE(Dim(0).is_symbol());
}

TEST(ValueType, PrintsElementAndDimensions) {
  EXPECT_EQ((ValueType{ElementType::kFloat, {Dim::Rows(), 64}}.ToString()), "f32[T, 64]");
  EXPECT_EQ((ValueType{ElementType::kInt32, {Dim::OutputRows()}}.ToString()), "i32[R]");
  EXPECT_EQ((ValueType{ElementType::kFloat, {}}.ToString()), "f32[]");
}

}  // namespace
}  // namespace fairlead
