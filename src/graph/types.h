// The types of graph values: an element type and dimensions that are numbers or symbols.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead {

enum class ElementType { kFloat, kInt32 };

// A dimension is a positive number or one of two symbols that a StepPlan binds. There is no
// arithmetic on symbols: a dimension is known, or it is exactly one of these.
class Dim {
 public:
  static constexpr Dim Rows() { return Dim(-1); }        // T: token rows of the step
  static constexpr Dim OutputRows() { return Dim(-2); }  // R: rows whose logits are wanted
  constexpr Dim(int64_t size) : size_(size) {}           // NOLINT: a number is a dimension

  bool operator==(const Dim&) const = default;
  bool is_symbol() const { return size_ < 0; }
  // The number this dimension stands for when the step has `rows` and `output_rows` rows.
  int64_t Bind(int64_t rows, int64_t output_rows) const;
  std::string ToString() const;

 private:
  int64_t size_;
};

struct ValueType {
  ElementType element = ElementType::kFloat;
  std::vector<Dim> dims;

  bool operator==(const ValueType&) const = default;
  std::string ToString() const;  // "f32[T, 64]"
};

}  // namespace fairlead
