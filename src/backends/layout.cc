#include "backends/layout.h"

#include <cstring>

#include "base/dtype.h"

namespace fairlead {
namespace {

constexpr Layout kLayouts[] = {
    {LayoutOrder::kRowMajor, StorageFormat::kF32}, {LayoutOrder::kRowMajor, StorageFormat::kBf16},
    {LayoutOrder::kRows16, StorageFormat::kF32},   {LayoutOrder::kRows16, StorageFormat::kBf16},
    {LayoutOrder::kRows16, StorageFormat::kMxfp4},
};

constexpr int64_t kBlockBytes = kMxfp4Block / 2;                             // codes of one row
constexpr int64_t kPanelBlockBytes = kPanelRows + kPanelRows * kBlockBytes;  // scales, then codes

int64_t Panels(int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

int64_t ElementBytes(StorageFormat format) { return format == StorageFormat::kF32 ? 4 : 2; }

// Interleaves the rows of a plain matrix: `Element` is an integer of the element's size.
template <typename Element>
void PackRows16(const MatrixRows& source, std::byte* destination) {
  const auto* from = reinterpret_cast<const std::byte*>(source.elements);
  for (int64_t row = 0; row < source.rows; ++row) {
    const int64_t panel = row / kPanelRows;
    std::byte* to = destination + ((panel * source.columns) * kPanelRows + row % kPanelRows) *
                                      static_cast<int64_t>(sizeof(Element));
    for (int64_t k = 0; k < source.columns; ++k) {
      std::memcpy(to + k * kPanelRows * static_cast<int64_t>(sizeof(Element)),
                  from + (row * source.columns + k) * static_cast<int64_t>(sizeof(Element)),
                  sizeof(Element));
    }
  }
}

void PackMxfp4(const MatrixRows& source, std::byte* destination) {
  const int64_t blocks = source.columns / kMxfp4Block;
  for (int64_t row = 0; row < source.rows; ++row) {
    const int64_t lane = row % kPanelRows;
    for (int64_t block = 0; block < blocks; ++block) {
      std::byte* to = destination + (row / kPanelRows * blocks + block) * kPanelBlockBytes;
      const int64_t from = row * blocks + block;
      to[lane] = source.scales[from];
      for (int64_t pair = 0; pair < kBlockBytes; ++pair) {
        to[kPanelRows + pair * kPanelRows + lane] = source.elements[from * kBlockBytes + pair];
      }
    }
  }
}

float ReadElement(StorageFormat format, const std::byte* address) {
  if (format == StorageFormat::kF32) {
    float value;
    std::memcpy(&value, address, sizeof(value));
    return value;
  }
  Bf16 value;
  std::memcpy(&value, address, sizeof(value));
  return Bf16ToFloat(value);
}

void ReadMxfp4Row(const std::byte* matrix, int64_t columns, int64_t row, float* output) {
  const int64_t blocks = columns / kMxfp4Block, lane = row % kPanelRows;
  for (int64_t block = 0; block < blocks; ++block) {
    const std::byte* from = matrix + (row / kPanelRows * blocks + block) * kPanelBlockBytes;
    const float scale = E8m0ToFloat(static_cast<uint8_t>(from[lane]));
    for (int64_t pair = 0; pair < kBlockBytes; ++pair) {
      const auto codes = static_cast<uint8_t>(from[kPanelRows + pair * kPanelRows + lane]);
      *output++ = kE2m1Values[codes & 15] * scale;
      *output++ = kE2m1Values[codes >> 4] * scale;
    }
  }
}

}  // namespace

std::string_view StorageFormatName(StorageFormat format) {
  switch (format) {
    case StorageFormat::kF32:
      return "f32";
    case StorageFormat::kBf16:
      return "bf16";
    case StorageFormat::kMxfp4:
      return "mxfp4";
  }
  return "?";
}

std::string LayoutId(Layout layout) {
  return fmt::format("{}.{}", layout.order == LayoutOrder::kRowMajor ? "row_major" : "rows16",
                     StorageFormatName(layout.format));
}

Result<Layout> ParseLayout(std::string_view id) {
  for (Layout layout : kLayouts) {
    if (LayoutId(layout) == id) return layout;
  }
  return Fail(ErrorCode::kInvalidData, "layout",
              "\"{}\": this version cannot read it; write the artifact anew with `fairlead export`",
              id);
}

int64_t PackedBytes(Layout layout, int64_t rows, int64_t columns) {
  if (layout.order == LayoutOrder::kRowMajor) return rows * columns * ElementBytes(layout.format);
  if (layout.format == StorageFormat::kMxfp4) {
    return Panels(rows) * (columns / kMxfp4Block) * kPanelBlockBytes;
  }
  return Panels(rows) * kPanelRows * columns * ElementBytes(layout.format);
}

void Pack(Layout layout, const MatrixRows& source, std::span<std::byte> destination) {
  if (layout.order == LayoutOrder::kRowMajor) {
    std::memcpy(destination.data(), source.elements, destination.size());
    return;
  }
  std::memset(destination.data(), 0, destination.size());
  switch (layout.format) {
    case StorageFormat::kF32:
      return PackRows16<uint32_t>(source, destination.data());
    case StorageFormat::kBf16:
      return PackRows16<uint16_t>(source, destination.data());
    case StorageFormat::kMxfp4:
      return PackMxfp4(source, destination.data());
  }
}

void ReadRow(const PackedTensor& tensor, int64_t expert, int64_t row, float* output) {
  const std::byte* matrix = tensor.bytes.data() + expert * tensor.expert_bytes();
  const int64_t columns = tensor.columns();
  if (tensor.layout.format == StorageFormat::kMxfp4) {
    return ReadMxfp4Row(matrix, columns, row, output);
  }
  const bool panels = tensor.layout.order == LayoutOrder::kRows16;
  const int64_t first =
      panels ? row / kPanelRows * columns * kPanelRows + row % kPanelRows : row * columns;
  const int64_t stride = panels ? kPanelRows : 1;
  const int64_t size = ElementBytes(tensor.layout.format);
  for (int64_t k = 0; k < columns; ++k) {
    output[k] = ReadElement(tensor.layout.format, matrix + (first + k * stride) * size);
  }
}

}  // namespace fairlead
