// Products of activation rows with packed weights, divided among threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/cpu/kernels/kernel_table.h"
#include "backends/layout.h"
#include "base/cpu_features.h"
#include "base/thread_pool.h"

namespace fairlead::cpu {

// The kernels of `isa`, which this CPU must have.
const KernelTable& KernelsOf(Isa isa);

// What a thread needs to compute.
struct Compute {
  const KernelTable* kernels;
  ThreadPool* pool;
};

// Runs body(i) for i below `count`, on all threads when there are at least `work` multiplications
// that make the wake-up worth it.
template <typename Body>
void Parallel(const Compute& compute, int64_t count, int64_t work, const Body& body) {
  constexpr int64_t kWorthwhile = 100'000;
  if (work < kWorthwhile) {
    for (int64_t i = 0; i < count; ++i) body(i);
  } else {
    compute.pool->ParallelFor(count, std::ref(body));
  }
}

// output[row] = x[row] * weight^T + bias, or glu of that.
struct Product {
  StorageFormat format = StorageFormat::kF32;
  const std::byte* weight = nullptr;  // Layout kRows16, [outputs, columns]
  const float* bias = nullptr;        // [outputs], or none
  int64_t outputs = 0;
  int64_t columns = 0;
  const float* x = nullptr;  // tiles written by PackRows
  int64_t rows = 0;
  float* output = nullptr;
  int64_t output_stride = 0;
};

// Applied to each row of a product whose outputs are gate and up in turns.
struct GluParameters {
  float limit;
  float alpha;
};

// Writes rows[0 .. count), each of `columns` floats, to `tiles` (count * columns floats) in the
// order the kernels read them: tiles of kernels.matmul_rows rows, interleaved.
void PackRows(const Compute& compute, std::span<const float* const> rows, int64_t columns,
              float* tiles);

// Computes all products; with `glu`, output rows hold outputs / 2 floats.
void RunProducts(const Compute& compute, std::span<const Product> products,
                 const GluParameters* glu);

}  // namespace fairlead::cpu
