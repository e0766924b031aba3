#include "backends/cpu/product.h"

#include <algorithm>
#include <vector>

namespace fairlead::cpu {
namespace {

static_assert(kPanelLanes == kPanelRows && kCodeBlock == kMxfp4Block);

// Panels that one kernel call multiplies: their weights stay in the second-level cache while the
// tiles of a row block pass by.
constexpr int64_t kGroupPanels = 4;
// Activations that stay in the second-level cache while the panels pass by.
constexpr int64_t kRowBlockFloats = 256 * 1024;

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A part of one product: some panels for some rows.
struct Item {
  const Product* product;
  int64_t first_row, rows;
  int64_t first_panel, panels;
};

auto KernelOf(const KernelTable& kernels, StorageFormat format) {
  switch (format) {
    case StorageFormat::kF32:
      return kernels.matmul_f32;
    case StorageFormat::kBf16:
      return kernels.matmul_bf16;
    case StorageFormat::kMxfp4:
      break;
  }
  return kernels.matmul_mxfp4;
}

void RunGlu(const KernelTable& kernels, const GluParameters& glu, const MatmulTile& gate_up,
            float* output, int64_t output_stride) {
  for (int row = 0; row < gate_up.rows; ++row) {
    kernels.glu({gate_up.output + row * gate_up.output_stride, glu.limit, glu.alpha,
                 gate_up.output_columns / 2, output + row * output_stride});
  }
}

void RunItem(const KernelTable& kernels, const Item& item, const GluParameters* glu) {
  const Product& product = *item.product;
  const auto kernel = KernelOf(kernels, product.format);
  const Layout layout{LayoutOrder::kRows16, product.format};
  const int64_t panel_bytes = PackedBytes(layout, kPanelRows, product.columns);
  const int64_t end_panel = item.first_panel + item.panels;
  const int64_t end_row = item.first_row + item.rows;
  for (int64_t panel = item.first_panel; panel < end_panel; panel += kGroupPanels) {
    const int64_t column = panel * kPanelRows;
    MatmulTile tile;
    tile.panels = reinterpret_cast<const uint8_t*>(product.weight) + panel * panel_bytes;
    tile.panel_bytes = panel_bytes;
    tile.panel_count = std::min(kGroupPanels, end_panel - panel);
    tile.columns = product.columns;
    tile.bias = product.bias == nullptr ? nullptr : product.bias + column;
    tile.output_columns = std::min(tile.panel_count * kPanelRows, product.outputs - column);
    for (int64_t row = item.first_row; row < end_row; row += kernels.matmul_rows) {
      tile.x = product.x + row * product.columns;
      tile.rows = static_cast<int>(std::min<int64_t>(kernels.matmul_rows, end_row - row));
      float* output = product.output + row * product.output_stride;
      if (glu == nullptr) {
        tile.output = output + column;
        tile.output_stride = product.output_stride;
        kernel(tile);
        continue;
      }
      float gate_up[kMaxTileRows * kGroupPanels * kPanelRows];
      tile.output = gate_up;
      tile.output_stride = kGroupPanels * kPanelRows;
      kernel(tile);
      RunGlu(kernels, *glu, tile, output + column / 2, product.output_stride);
    }
  }
}

}  // namespace

const KernelTable& KernelsOf(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kScalar:
      break;
  }
  return kScalarKernels;
}

void PackRows(const Compute& compute, std::span<const float* const> rows, int64_t columns,
              float* tiles) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t tile_rows = compute.kernels->matmul_rows;
  Parallel(compute, DivideUp(count, tile_rows), count * columns, [&](int64_t tile) {
    const int64_t first = tile * tile_rows, here = std::min(tile_rows, count - first);
    float* to = tiles + first * columns;
    for (int64_t row = 0; row < here; ++row) {
      const float* from = rows[static_cast<size_t>(first + row)];
      for (int64_t k = 0; k < columns; ++k) to[k * here + row] = from[k];
    }
  });
}

void RunProducts(const Compute& compute, std::span<const Product> products,
                 const GluParameters* glu) {
  int64_t work = 0, all_groups = 0;
  for (const Product& product : products) {
    const int64_t groups = DivideUp(product.outputs, kPanelRows * kGroupPanels);
    all_groups += groups;
    work += product.rows * product.outputs * product.columns;
  }
  // Several items per thread even out what each takes; a single thread needs none of that.
  constexpr int64_t kItemsPerThread = 8;
  const int threads = compute.pool->size();
  const int64_t item_groups =
      threads == 1 ? all_groups : std::max<int64_t>(1, all_groups / (threads * kItemsPerThread));
  std::vector<Item> items;
  for (const Product& product : products) {
    const int64_t panels = DivideUp(product.outputs, kPanelRows);
    const int64_t step = item_groups * kGroupPanels;
    const int64_t tile_rows = compute.kernels->matmul_rows;
    const int64_t block =
        std::max<int64_t>(1, kRowBlockFloats / (tile_rows * product.columns)) * tile_rows;
    for (int64_t panel = 0; panel < panels; panel += step) {
      for (int64_t row = 0; row < product.rows; row += block) {
        items.push_back({&product, row, std::min(block, product.rows - row), panel,
                         std::min(step, panels - panel)});
      }
    }
  }
  Parallel(compute, static_cast<int64_t>(items.size()), work,
           [&](int64_t i) { RunItem(*compute.kernels, items[static_cast<size_t>(i)], glu); });
}

}  // namespace fairlead::cpu
