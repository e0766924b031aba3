// Shapes, tensors that own their bytes, and views of bytes owned elsewhere (a mapped file).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace fairlead {

using Shape = std::vector<int64_t>;

// Product of the dimensions; 1 for a scalar. Shapes from files are checked for overflow when read.
int64_t NumElements(const Shape& shape);
// "[2, 3]"
std::string ShapeString(const Shape& shape);

// Row-major bytes owned by somebody else.
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;

  // Element `index` as T. The caller has checked dtype; the bytes may lie at any address, as those
  // of a mapped checkpoint do.
  template <typename T>
  T At(size_t index) const {
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
  }

  // The elements as T. The caller has checked dtype; the bytes must be aligned for T.
  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// A row-major tensor that owns its elements.
struct Tensor {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;

  static Tensor Zeros(DType dtype, Shape shape);
  static Tensor FromFloats(Shape shape, std::span<const float> values);
  static Tensor FromInts(Shape shape, std::span<const int32_t> values);

  TensorView view() const { return {dtype, shape, bytes}; }
  template <typename T>
  std::span<T> As() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> As() const {
    return view().As<T>();
  }
};

}  // namespace fairlead
