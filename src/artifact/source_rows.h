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

// A rank's part of a parameter's matrices, range by range, in `format`. Keeps one buffer of the
// largest range read; ranges that the checkpoint holds as they are wanted are not copied at all.
class SourceRows {
 public:
  // `tensors` belong to `source` in its order, with the types and shapes that CheckSource demands;
  // all must outlive this object. `format` is kMxfp4 only for a kMxfp4 source whose columns are
  // held in whole blocks; any other format of such a source is dequantised to.
  SourceRows(const Parameter& parameter, const ParameterSource& source,
             std::vector<TensorView> tensors, StorageFormat format);

  int64_t experts() const { return experts_.count(); }
  int64_t rows() const { return rows_.count(); }
  int64_t columns() const { return columns_.count(); }

  // Rows [first, first + count) of matrix `expert`, counted in the rank's part; valid until the
  // next call. An MXFP4 scale of 255 is an error that names tensor and index.
  Result<MatrixRows> Read(int64_t expert, int64_t first, int64_t count);

 private:
  // Where a part of the whole matrix goes in the buffer.
  struct Block {
    int64_t expert;  // of the whole parameter, as are the ranges
    Range rows, columns;
    int64_t to_row, to_column;
  };

  std::vector<Block> BlocksOf(int64_t expert, int64_t first, int64_t count) const;
  Status CheckScales(const Block& block) const;
  const std::byte* AddressOf(const Block& block) const;  // of a tensor that is not MXFP4
  MatrixRows ViewMxfp4(const Block& block) const;
  void CopyMxfp4(const Block& block);
  template <typename To>
  void ConvertBlock(const Block& block);

  const ParameterSource& source_;
  std::vector<TensorView> tensors_;
  StorageFormat format_;
  bool zero_;
  Axis experts_, rows_, columns_;
  std::vector<std::byte> buffer_;
  std::vector<std::byte> scales_;
};

}  // namespace fairlead
