#pragma once

#include "backends/cpu/kernels/matmul/matmul.h"

namespace fairlead::cpu {
namespace {

// Rows of a tile at most, and panels taken together with `rows` rows: as many as the accumulators
// allow, but not so many that a thread reads from too many places at once.
template <class V>
constexpr int TileRows() {
  return V::kAccumulators < kMaxTileRows ? V::kAccumulators : kMaxTileRows;
}
template <class V>
constexpr int TilePanels(int rows) {
  const int fit = V::kAccumulators / rows;
  return fit >= 4 ? 4 : (fit >= 2 ? 2 : 1);
}

// How far ahead of the product weights are asked for: the panels of a group are too many streams
// for the hardware to follow them all.
constexpr int kPrefetchBytes = 2048;

template <class V>
struct F32Weights {
  static constexpr int kBytes = 4;  // of an element
  static typename V::F Load(const uint8_t* p) { return V::Load(reinterpret_cast<const float*>(p)); }
};
template <class V>
struct Bf16Weights {
  static constexpr int kBytes = 2;
  static typename V::F Load(const uint8_t* p) { return V::LoadBf16(p); }
};

// acc[row][panel] += weight * x for one k.
template <class V, int kRows, int kPanels>
inline __attribute__((always_inline)) void Accumulate(const typename V::F (&weight)[kPanels],
                                                      const float* x,
                                                      typename V::F (&acc)[kRows][kPanels]) {
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m) {
    const typename V::F value = V::Set1(x[m]);
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) acc[m][p] = V::Fma(weight[p], value, acc[m][p]);
  }
}

// Plain elements: one weight vector a column.
template <class V, class Weights, int kRows, int kPanels>
struct PlainProduct {
  static void Run(const MatmulTile& t, const uint8_t* panels,
                  typename V::F (&acc)[kRows][kPanels]) {
    constexpr int kStep = Weights::kBytes * kPanelLanes;
    const float* x = t.x;
    for (int64_t k = 0; k < t.columns; ++k, x += kRows, panels += kStep) {
      typename V::F weight[kPanels];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const uint8_t* from = panels + p * t.panel_bytes;
        weight[p] = Weights::Load(from);
        __builtin_prefetch(from + kPrefetchBytes);
      }
      Accumulate<V, kRows, kPanels>(weight, x, acc);
    }
  }
};

// MXFP4: the sum of a block of codes, then one multiplication with the block's scale.
template <class V, int kRows, int kPanels>
struct Mxfp4Product {
  static void Run(const MatmulTile& t, const uint8_t* panels,
                  typename V::F (&acc)[kRows][kPanels]) {
    using F = typename V::F;
    constexpr int kPairs = kCodeBlock / 2, kPairsPerLine = 4;
    const float* x = t.x;
    for (int64_t block = 0; block < t.columns / kCodeBlock; ++block) {
      F sum[kRows][kPanels];
#pragma GCC unroll 16
      for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) sum[m][p] = V::Zero();
      }
      const uint8_t* codes = panels + kPanelLanes;
      for (int pair = 0; pair < kPairs; pair += kPairsPerLine) {
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) {
          __builtin_prefetch(codes + p * t.panel_bytes + kPrefetchBytes);
        }
#pragma GCC unroll 1
        for (int i = 0; i < kPairsPerLine; ++i, codes += kPanelLanes, x += 2 * kRows) {
          // The even columns are done with before the odd ones are decoded: there is no register to
          // spare.
          typename V::Codes bytes[kPanels];
          F weight[kPanels];
#pragma GCC unroll 4
          for (int p = 0; p < kPanels; ++p) {
            bytes[p] = V::LoadCodes(codes + p * t.panel_bytes);
            weight[p] = V::LowE2m1(bytes[p]);
          }
          Accumulate<V, kRows, kPanels>(weight, x, sum);
#pragma GCC unroll 4
          for (int p = 0; p < kPanels; ++p) weight[p] = V::HighE2m1(bytes[p]);
          Accumulate<V, kRows, kPanels>(weight, x + kRows, sum);
        }
      }
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const F scale = V::LoadE8m0(panels + p * t.panel_bytes);
#pragma GCC unroll 16
        for (int m = 0; m < kRows; ++m) acc[m][p] = V::Fma(scale, sum[m][p], acc[m][p]);
      }
      panels += kPanelLanes + kPairs * kPanelLanes;
    }
  }
};

// Panels [first, first + kPanels) for all rows.
template <class V, class Product, int kRows, int kPanels>
void RunPanels(const MatmulTile& t, int64_t first) {
  using F = typename V::F;
  F acc[kRows][kPanels];
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) acc[m][p] = V::Zero();
  }
  Product::Run(t, t.panels + first * t.panel_bytes, acc);
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
    const int64_t column = (first + p) * kPanelLanes;
    const int64_t left = t.output_columns - column;
    const int count = left < kPanelLanes ? static_cast<int>(left) : kPanelLanes;
    F bias = V::Zero();
    if (t.bias != nullptr) bias = V::LoadPartial(t.bias + column, count);
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const F value = V::Add(acc[m][p], bias);
      float* to = t.output + m * t.output_stride + column;
      if (count == kPanelLanes) {
        V::Store(to, value);
      } else {
        V::StorePartial(to, value, count);
      }
    }
  }
}

template <class V, template <int, int> class Product, int kRows>
void RunTile(const MatmulTile& t) {
  if constexpr (kRows > 1) {
    if (t.rows < kRows) return RunTile<V, Product, kRows - 1>(t);
  }
  constexpr int kPanels = TilePanels<V>(kRows);
  int64_t panel = 0;
  for (; panel + kPanels <= t.panel_count; panel += kPanels) {
    RunPanels<V, Product<kRows, kPanels>, kRows, kPanels>(t, panel);
  }
  for (; panel < t.panel_count; ++panel) RunPanels<V, Product<kRows, 1>, kRows, 1>(t, panel);
}

// The product types with only rows and panels left open.
template <class V>
struct Products {
  template <int kRows, int kPanels>
  using F32 = PlainProduct<V, F32Weights<V>, kRows, kPanels>;
  template <int kRows, int kPanels>
  using Bf16 = PlainProduct<V, Bf16Weights<V>, kRows, kPanels>;
  template <int kRows, int kPanels>
  using Mxfp4 = Mxfp4Product<V, kRows, kPanels>;
};

template <class V>
void MatmulF32(const MatmulTile& t) {
  RunTile<V, Products<V>::template F32, TileRows<V>()>(t);
}
template <class V>
void MatmulBf16(const MatmulTile& t) {
  RunTile<V, Products<V>::template Bf16, TileRows<V>()>(t);
}
template <class V>
void MatmulMxfp4(const MatmulTile& t) {
  RunTile<V, Products<V>::template Mxfp4, TileRows<V>()>(t);
}

}  // namespace
}  // namespace fairlead::cpu
