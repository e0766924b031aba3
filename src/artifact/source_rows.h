// Reads the rows of one parameter out of the checkpoint tensors that hold it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/layout.h"
#include "base/error.h"
#include "base/tensor.h"
#include "graph/parameter.h"

namespace fairlead {

// What a tensor of this type is stored as when nothing else is asked for: F32 and F16 as f32, BF16
// as bf16. nullopt for a type that weights cannot have.
std::optional<StorageFormat> FormatOf(DType dtype);

// A parameter's matrices, range by range, in `format`. Keeps one buffer of the largest range read;
// ranges that the checkpoint holds as they are wanted are not copied at all.
class SourceRows {
 public:
  // `tensors` belong to `source` in its order, with the types and shapes that CheckSource demands;
  // all must outlive this object. `format` is kMxfp4 exactly for a kMxfp4 source.
  SourceRows(const Parameter& parameter, const ParameterSource& source,
             std::vector<TensorView> tensors, StorageFormat format);

  int64_t experts() const { return experts_; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }

  // Rows [first, first + count) of matrix `expert`; valid until the next call. An MXFP4 scale of
  // 255 is an error that names tensor and index.
  Result<MatrixRows> Read(int64_t expert, int64_t first, int64_t count);

 private:
  Result<MatrixRows> ReadMxfp4(int64_t first_row, int64_t count) const;

  const ParameterSource& source_;
  std::vector<TensorView> tensors_;
  StorageFormat format_;
  int64_t experts_;
  int64_t rows_;
  int64_t columns_;
  std::vector<std::byte> buffer_;
};

}  // namespace fairlead
