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

// Where a range of elements lies, element (row, k) at row * row_stride + k * column_stride, and how
// many elements the rows are apart where it goes.
struct Move {
  const std::byte* from;
  std::byte* to;
  int64_t rows, columns;
  int64_t row_stride, column_stride;
  int64_t to_stride;
};

// Works tile by tile, so that a transposed range reads and writes whole cache lines.
template <typename From, typename To>
void ConvertRange(const Move& move) {
  constexpr int64_t kTile = 64;
  constexpr auto kFrom = static_cast<int64_t>(sizeof(typename From::Bits));
  constexpr auto kTo = static_cast<int64_t>(sizeof(typename To::Bits));
  for (int64_t row_tile = 0; row_tile < move.rows; row_tile += kTile) {
    const int64_t row_end = std::min(row_tile + kTile, move.rows);
    for (int64_t tile = 0; tile < move.columns; tile += kTile) {
      const int64_t end = std::min(tile + kTile, move.columns);
      for (int64_t row = row_tile; row < row_end; ++row) {
        const std::byte* from = move.from + row * move.row_stride * kFrom;
        std::byte* out = move.to + row * move.to_stride * kTo;
        for (int64_t k = tile; k < end; ++k) {
          ConvertElement<From, To>(from + k * move.column_stride * kFrom, out + k * kTo);
        }
      }
    }
  }
}

template <typename To>
void ConvertRangeTo(DType dtype, const Move& move) {
  if (dtype == DType::kF32) return ConvertRange<F32, To>(move);
  if (dtype == DType::kBf16) return ConvertRange<Bfloat16, To>(move);
  ConvertRange<F16, To>(move);
}

int64_t ElementBytes(StorageFormat format) { return format == StorageFormat::kF32 ? 4 : 2; }

// The indices of the whole that positions [first, first + count) of a rank's part stand for.
std::vector<Range> WholeRanges(const Axis& axis, int64_t first, int64_t count) {
  std::vector<Range> ranges;
  for (const Range& range : axis.ranges()) {
    const int64_t skipped = std::min(first, range.count);
    const int64_t taken = std::min(count, range.count - skipped);
    if (taken > 0) ranges.push_back({range.start + skipped, taken});
    first -= skipped;
    count -= taken;
  }
  return ranges;
}

}  // namespace

std::optional<StorageFormat> FormatOf(DType dtype) {
  if (dtype == DType::kBf16) return StorageFormat::kBf16;
  if (dtype == DType::kF32 || dtype == DType::kF16) return StorageFormat::kF32;
  return std::nullopt;
}

SourceRows::SourceRows(const Parameter& parameter, const ParameterSource& source,
                       std::vector<TensorView> tensors, StorageFormat format)
    : source_(source), tensors_(std::move(tensors)), format_(format), zero_(parameter.zero) {
  const size_t rank = parameter.shape.size();
  experts_ = rank == 3 ? parameter.axis(0) : Axis(1);
  rows_ = rank >= 2 ? parameter.axis(rank - 2) : Axis(1);
  columns_ = parameter.axis(rank - 1);
}

Result<MatrixRows> SourceRows::Read(int64_t expert, int64_t first, int64_t count) {
  const bool keep_mxfp4 = format_ == StorageFormat::kMxfp4;
  const int64_t columns = columns_.count();
  const auto bytes = static_cast<size_t>(keep_mxfp4 ? count * columns / 2
                                                    : count * columns * ElementBytes(format_));
  if (zero_) {
    buffer_.assign(bytes, std::byte{0});
    scales_.assign(bytes, std::byte{0});
    return MatrixRows{format_, count, columns, buffer_.data(), scales_.data()};
  }
  const std::vector<Block> blocks = BlocksOf(expert, first, count);
  if (source_.transform == Transform::kMxfp4) {
    for (const Block& block : blocks) FAIRLEAD_RETURN_IF_ERROR(CheckScales(block));
  }
  const bool in_place = blocks.size() == 1 && columns_.whole();
  if (in_place && keep_mxfp4) return ViewMxfp4(blocks[0]);
  const DType dtype = tensors_[0].dtype;
  if (in_place && source_.transform == Transform::kIdentity && FormatOf(dtype) == format_ &&
      dtype != DType::kF16) {
    return MatrixRows{format_, count, columns, AddressOf(blocks[0]), nullptr};
  }
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  if (keep_mxfp4) scales_.resize(static_cast<size_t>(count * columns / kMxfp4Block));
  for (const Block& block : blocks) {
    if (keep_mxfp4) {
      CopyMxfp4(block);
    } else if (format_ == StorageFormat::kF32) {
      ConvertBlock<F32>(block);
    } else {
      ConvertBlock<Bfloat16>(block);
    }
  }
  return MatrixRows{format_, count, columns, buffer_.data(), keep_mxfp4 ? scales_.data() : nullptr};
}

std::vector<SourceRows::Block> SourceRows::BlocksOf(int64_t expert, int64_t first,
                                                    int64_t count) const {
  const int64_t whole_expert = WholeRanges(experts_, expert, 1)[0].start;
  std::vector<Block> blocks;
  int64_t to_row = 0;
  for (const Range& rows : WholeRanges(rows_, first, count)) {
    int64_t to_column = 0;
    for (const Range& columns : columns_.ranges()) {
      blocks.push_back({whole_expert, rows, columns, to_row, to_column});
      to_column += columns.count;
    }
    to_row += rows.count;
  }
  return blocks;
}

const std::byte* SourceRows::AddressOf(const Block& block) const {
  const bool transposed = source_.transform == Transform::kTranspose;
  const int64_t element = block.expert * rows_.size * columns_.size +
                          (transposed ? block.columns.start * rows_.size + block.rows.start
                                      : block.rows.start * columns_.size + block.columns.start);
  return tensors_[0].bytes.data() + element * DTypeSize(tensors_[0].dtype);
}

template <typename To>
void SourceRows::ConvertBlock(const Block& block) {
  constexpr auto kTo = static_cast<int64_t>(sizeof(typename To::Bits));
  const int64_t to_stride = columns_.count();
  std::byte* to = buffer_.data() + (block.to_row * to_stride + block.to_column) * kTo;
  if (source_.transform != Transform::kMxfp4) {
    const bool transposed = source_.transform == Transform::kTranspose;
    return ConvertRangeTo<To>(
        tensors_[0].dtype,
        {AddressOf(block), to, block.rows.count, block.columns.count,
         transposed ? 1 : columns_.size, transposed ? rows_.size : 1, to_stride});
  }
  for (int64_t row = 0; row < block.rows.count; ++row) {
    const int64_t whole_row = block.expert * rows_.size + block.rows.start + row;
    for (int64_t i = 0; i < block.columns.count; ++i) {
      const int64_t element = whole_row * columns_.size + block.columns.start + i;
      const auto codes = static_cast<uint8_t>(tensors_[0].bytes[static_cast<size_t>(element / 2)]);
      const auto scale =
          static_cast<uint8_t>(tensors_[1].bytes[static_cast<size_t>(element / kMxfp4Block)]);
      const float value =
          kE2m1Values[element % 2 == 0 ? codes & 15 : codes >> 4] * E8m0ToFloat(scale);
      const typename To::Bits bits = To::FromFloat(value);
      std::memcpy(to + (row * to_stride + i) * kTo, &bits, sizeof(bits));
    }
  }
}

MatrixRows SourceRows::ViewMxfp4(const Block& block) const {
  const int64_t row = block.expert * rows_.size + block.rows.start;
  return {format_, block.rows.count, columns_.size,
          tensors_[0].bytes.data() + row * columns_.size / 2,
          tensors_[1].bytes.data() + row * columns_.size / kMxfp4Block};
}

void SourceRows::CopyMxfp4(const Block& block) {
  for (int64_t row = 0; row < block.rows.count; ++row) {
    const int64_t from =
        (block.expert * rows_.size + block.rows.start + row) * columns_.size + block.columns.start;
    const int64_t to = (block.to_row + row) * columns_.count() + block.to_column;
    std::memcpy(buffer_.data() + to / 2, tensors_[0].bytes.data() + from / 2,
                static_cast<size_t>(block.columns.count / 2));
    std::memcpy(scales_.data() + to / kMxfp4Block, tensors_[1].bytes.data() + from / kMxfp4Block,
                static_cast<size_t>(block.columns.count / kMxfp4Block));
  }
}

Status SourceRows::CheckScales(const Block& block) const {
  const int64_t blocks = columns_.size / kMxfp4Block;
  const int64_t first = block.columns.start / kMxfp4Block;
  const int64_t last = (block.columns.start + block.columns.count - 1) / kMxfp4Block;
  for (int64_t row = block.rows.start; row < block.rows.start + block.rows.count; ++row) {
    const int64_t start = (block.expert * rows_.size + row) * blocks + first;
    const std::byte* scales = tensors_[1].bytes.data() + start;
    const void* bad = std::memchr(scales, 255, static_cast<size_t>(last - first + 1));
    if (bad == nullptr) continue;
    return Fail(ErrorCode::kInvalidData, "convert",
                "{}: expected scales of at most 254, got 255 (not a number) at [{}, {}, {}]",
                source_.tensors[1], block.expert, row,
                first + (static_cast<const std::byte*>(bad) - scales));
  }
  return {};
}

}  // namespace fairlead
