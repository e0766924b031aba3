#include "graph/types.h"

#include <fmt/format.h>

namespace fairlead {

int64_t Dim::Bind(int64_t rows, int64_t output_rows) const {
  if (*this == Rows()) return rows;
  if (*this == OutputRows()) return output_rows;
  return size_;
}

std::string Dim::ToString() const {
  if (*this == Rows()) return "T";
  if (*this == OutputRows()) return "R";
  return fmt::format("{}", size_);
}

std::string ValueType::ToString() const {
  std::string text = element == ElementType::kFloat ? "f32[" : "i32[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += dims[i].ToString();
  }
  return text + "]";
}

}  // namespace fairlead
