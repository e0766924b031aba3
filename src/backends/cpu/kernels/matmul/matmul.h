// The kernels of this family: the product of a tile of activation rows with panels of weights.
#pragma once

#include <cstdint>

namespace fairlead::cpu {

inline constexpr int kPanelLanes = 16;  // output columns of a panel
inline constexpr int kCodeBlock = 32;   // MXFP4: columns that share a scale
inline constexpr int kMaxTileRows = 12;

// output[row][n] = sum over k of x[row][k] * weight[n][k] (+ bias[n]).
// Every output is one chain of sums over ascending k (MXFP4: of 32-blocks, and inside a block over
// ascending k), whatever the number of rows and panels: its bits depend on nothing else.
struct MatmulTile {
  const uint8_t* panels;  // Layout kRows16, consecutive
  int64_t panel_bytes;
  int64_t panel_count;
  int64_t columns;    // k
  const float* x;     // interleaved: element (row, k) at k * rows + row
  int rows;           // 1 to KernelTable::matmul_rows
  const float* bias;  // of the first panel's first output, or nullptr
  float* output;
  int64_t output_stride;   // floats from row to row
  int64_t output_columns;  // of these panels: the last one may be partly filled
};

}  // namespace fairlead::cpu
