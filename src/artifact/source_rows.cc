#include "artifact/source_rows.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace fairlead {
namespace {

// The element types of checkpoints, read from any address.
struct F32 {
  using Bits = uint32_t;
  static float ToFloat(Bits bits) { return std::bit_cast<float>(bits); }
  static Bits FromFloat(float value) { return std::bit_cast<Bits>(value); }
};
struct Bfloat16 {
  using Bits = uint16_t;
  static float ToFloat(Bits bits) { return Bf16ToFloat({bits}); }
  static Bits FromFloat(float value) { return FloatToBf16(value).bits; }
};
struct F16 {
  using Bits = uint16_t;
  static float ToFloat(Bits bits) { return F16ToFloat(bits); }
};

template <typename From, typename To>
void ConvertElement(const std::byte* from, std::byte* to) {
  typename From::Bits bits;
  std::memcpy(&bits, from, sizeof(bits));
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, &bits, sizeof(bits));
  } else {
    const typename To::Bits converted = To::FromFloat(From::ToFloat(bits));
    std::memcpy(to, &converted, sizeof(converted));
  }
}

// Where a range of elements lies: element (row, k) at row * row_stride + k * column_stride.
struct Range {
  const std::byte* elements;
  int64_t rows, columns;
  int64_t row_stride, column_stride;
};

// Writes the range row-major to `to`. Works tile by tile, so that a transposed range reads and
// writes whole cache lines.
template <typename From, typename To>
void ConvertRange(const Range& range, std::byte* to) {
  constexpr int64_t kTile = 64;
  constexpr auto kFrom = static_cast<int64_t>(sizeof(typename From::Bits));
  constexpr auto kTo = static_cast<int64_t>(sizeof(typename To::Bits));
  for (int64_t row_tile = 0; row_tile < range.rows; row_tile += kTile) {
    const int64_t row_end = std::min(row_tile + kTile, range.rows);
    for (int64_t tile = 0; tile < range.columns; tile += kTile) {
      const int64_t end = std::min(tile + kTile, range.columns);
      for (int64_t row = row_tile; row < row_end; ++row) {
        const std::byte* from = range.elements + row * range.row_stride * kFrom;
        std::byte* out = to + row * range.columns * kTo;
        for (int64_t k = tile; k < end; ++k) {
          ConvertElement<From, To>(from + k * range.column_stride * kFrom, out + k * kTo);
        }
      }
    }
  }
}

template <typename To>
void ConvertRangeTo(DType dtype, const Range& range, std::byte* to) {
  if (dtype == DType::kF32) return ConvertRange<F32, To>(range, to);
  if (dtype == DType::kBf16) return ConvertRange<Bfloat16, To>(range, to);
  ConvertRange<F16, To>(range, to);
}

int64_t ElementBytes(StorageFormat format) { return format == StorageFormat::kF32 ? 4 : 2; }

}  // namespace

std::optional<StorageFormat> FormatOf(DType dtype) {
  if (dtype == DType::kBf16) return StorageFormat::kBf16;
  if (dtype == DType::kF32 || dtype == DType::kF16) return StorageFormat::kF32;
  return std::nullopt;
}

SourceRows::SourceRows(const Parameter& parameter, const ParameterSource& source,
                       std::vector<TensorView> tensors, StorageFormat format)
    : source_(source), tensors_(std::move(tensors)), format_(format) {
  const PackedTensor dimensions{{}, parameter.shape, {}};
  experts_ = dimensions.experts();
  rows_ = dimensions.rows();
  columns_ = dimensions.columns();
}

Result<MatrixRows> SourceRows::Read(int64_t expert, int64_t first, int64_t count) {
  if (source_.transform == Transform::kMxfp4) return ReadMxfp4(expert * rows_ + first, count);
  const TensorView& tensor = tensors_[0];
  const bool transposed = source_.transform == Transform::kTranspose;
  const int64_t start = expert * rows_ * columns_ + (transposed ? first : first * columns_);
  const Range range{tensor.bytes.data() + start * DTypeSize(tensor.dtype), count, columns_,
                    transposed ? 1 : columns_, transposed ? rows_ : 1};
  const bool as_stored = FormatOf(tensor.dtype) == format_ && tensor.dtype != DType::kF16;
  if (as_stored && !transposed)
    return MatrixRows{format_, count, columns_, range.elements, nullptr};
  const auto bytes = static_cast<size_t>(count * columns_ * ElementBytes(format_));
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  if (format_ == StorageFormat::kF32) {
    ConvertRangeTo<F32>(tensor.dtype, range, buffer_.data());
  } else {
    ConvertRangeTo<Bfloat16>(tensor.dtype, range, buffer_.data());
  }
  return MatrixRows{format_, count, columns_, buffer_.data(), nullptr};
}

Result<MatrixRows> SourceRows::ReadMxfp4(int64_t first_row, int64_t count) const {
  const int64_t blocks = columns_ / kMxfp4Block;
  const std::byte* codes = tensors_[0].bytes.data() + first_row * columns_ / 2;
  const std::byte* scales = tensors_[1].bytes.data() + first_row * blocks;
  const auto size = static_cast<size_t>(count * blocks);
  if (const void* bad = std::memchr(scales, 255, size)) {
    const int64_t index = first_row * blocks + (static_cast<const std::byte*>(bad) - scales);
    const int64_t row = index / blocks;
    return Fail(ErrorCode::kInvalidData, "convert",
                "{}: expected scales of at most 254, got 255 (not a number) at [{}, {}, {}]",
                source_.tensors[1], row / rows_, row % rows_, index % blocks);
  }
  return MatrixRows{format_, count, columns_, codes, scales};
}

}  // namespace fairlead
