// How a parameter's elements lie in memory once exported. Every backend's layouts are packed and
// read here, so that an artifact can be written, mapped and checked without knowing a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"

namespace fairlead {

// What one element is stored as. An MXFP4 row is blocks of 32 e2m1 codes that share an e8m0 scale.
enum class StorageFormat { kF32, kBf16, kMxfp4 };

std::string_view StorageFormatName(StorageFormat format);  // "f32", "bf16", "mxfp4"

enum class LayoutOrder {
  kRowMajor,  // as in the checkpoint; f32 and bf16 only
  // Panels of 16 rows, the last one filled up with zeros. f32 and bf16: element (r, k) of a panel
  // at k * 16 + r. mxfp4: per block of 32 columns 16 scales, then for each pair of columns (2j, 2j
  // + 1) 16 bytes, one a row: low nibble column 2j, high nibble 2j + 1 (272 bytes a block). One
  // vector register thus holds the same column of 16 output rows.
  kRows16,
};
inline constexpr int64_t kPanelRows = 16;

struct Layout {
  LayoutOrder order = LayoutOrder::kRowMajor;
  StorageFormat format = StorageFormat::kF32;

  bool operator==(const Layout&) const = default;
};

// "rows16.mxfp4"; ParseLayout is its inverse and names the export command in its error.
std::string LayoutId(Layout layout);
Result<Layout> ParseLayout(std::string_view id);

// A matrix of a checkpoint, row-major: `elements` holds f32, bf16 or packed codes (16 bytes a
// block), `scales` one byte a block (mxfp4 only).
struct MatrixRows {
  StorageFormat format = StorageFormat::kF32;
  int64_t rows = 0;
  int64_t columns = 0;
  const std::byte* elements = nullptr;
  const std::byte* scales = nullptr;
};

// Bytes that `rows` x `columns` take in `layout`. Row ranges that begin at a multiple of 16 pack
// independently: the bytes of the whole are those of its parts in order.
int64_t PackedBytes(Layout layout, int64_t rows, int64_t columns);

// Packs `source`, whose format is the layout's, into `destination` of PackedBytes() bytes.
void Pack(Layout layout, const MatrixRows& source, std::span<std::byte> destination);

// A parameter as a backend sees it. Shape [out, in], [experts, out, in] (experts packed one after
// the other) or [n] (one row).
struct PackedTensor {
  Layout layout;
  Shape shape;
  std::span<const std::byte> bytes;

  int64_t experts() const { return shape.size() == 3 ? shape[0] : 1; }
  int64_t rows() const { return shape.size() == 1 ? 1 : shape[shape.size() - 2]; }
  int64_t columns() const { return shape.back(); }
  int64_t expert_bytes() const { return PackedBytes(layout, rows(), columns()); }
  // The bytes that the shape demands; a loader compares them with bytes.size().
  int64_t expected_bytes() const { return experts() * expert_bytes(); }
};

// Writes row `row` of matrix `expert` as float32 to `output` (columns() elements).
void ReadRow(const PackedTensor& tensor, int64_t expert, int64_t row, float* output);

}  // namespace fairlead
