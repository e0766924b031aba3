#include "base/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fairlead {

int64_t NumElements(const Shape& shape) {
  int64_t count = 1;
  for (int64_t dimension : shape) count *= dimension;
  return count;
}

std::string ShapeString(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Tensor Tensor::Zeros(DType dtype, Shape shape) {
  Tensor tensor{dtype, std::move(shape), {}};
  tensor.bytes.resize(static_cast<size_t>(NumElements(tensor.shape)) * DTypeSize(dtype));
  return tensor;
}

Tensor Tensor::FromFloats(Shape shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return {DType::kF32, std::move(shape), {bytes.begin(), bytes.end()}};
}

Tensor Tensor::FromInts(Shape shape, std::span<const int32_t> values) {
  const auto bytes = std::as_bytes(values);
  return {DType::kI32, std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace fairlead
