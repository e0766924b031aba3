#include "base/tensor.h"

#include <gtest/gtest.h>

#include <vector>

namespace fairlead {
namespace {

TEST(Tensor, CountsElements) {
  EXPECT_EQ(NumElements({}), 1);
  EXPECT_EQ(NumElements({2, 3, 4}), 24);
  EXPECT_EQ(NumElements({2, 0, 4}), 0);
  EXPECT_EQ(ShapeString({2, 3}), "[2, 3]");
  EXPECT_EQ(ShapeString({}), "[]");
}

TEST(Tensor, OwnsACopyOfItsValues) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::FromFloats({2, 3}, values);
  values[5] = 0;
  EXPECT_EQ(tensor.dtype, DType::kF32);
  EXPECT_EQ(tensor.As<float>()[5], 6);
  EXPECT_EQ(tensor.view().shape, (Shape{2, 3}));
}

TEST(Tensor, ZerosHasBytesForItsType) {
  EXPECT_EQ(Tensor::Zeros(DType::kBf16, {3, 5}).bytes.size(), 30u);
  EXPECT_EQ(Tensor::Zeros(DType::kI64, {}).As<int64_t>()[0], 0);
}

TEST(TensorView, AtReadsMisalignedElements) {
  std::vector<std::byte> bytes(9);
  const int32_t value = -77;
  std::memcpy(bytes.data() + 5, &value, 4);
  const TensorView view{DType::kI32, {2}, std::span(bytes).subspan(1)};
  EXPECT_EQ(view.At<int32_t>(0), 0);
  EXPECT_EQ(view.At<int32_t>(1), -77);
}

}  // namespace
}  // namespace fairlead
