// Times the cpu backend's matrix products on the shapes of gpt-oss-20b: GB/s of weights read, and
// GFLOP/s. The weights of every case are larger than any second-level cache and are visited in
// turn, so that few rows measure memory and many rows measure arithmetic.
//   bench_cpu_products [threads ...]   (default: 1 and all; FAIRLEAD_FORCE_ISA chooses the kernels)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "backends/cpu/buffer.h"
#include "backends/cpu/product.h"
#include "base/cpu_features.h"

namespace fairlead::cpu {
namespace {

struct Case {
  const char* name;
  StorageFormat format;
  int64_t outputs, columns;
  int64_t matrices;  // visited in turn: experts or layers
  int64_t active;    // multiplied in one go
  bool glu;
};

constexpr Case kCases[] = {
    {"q_proj bf16", StorageFormat::kBf16, 4096, 2880, 12, 1, false},
    {"o_proj bf16", StorageFormat::kBf16, 2880, 4096, 12, 1, false},
    {"gate_up mxfp4, 4 experts", StorageFormat::kMxfp4, 5760, 2880, 32, 4, true},
    {"down mxfp4, 4 experts", StorageFormat::kMxfp4, 2880, 2880, 32, 4, false},
    {"head bf16", StorageFormat::kBf16, 201088, 2880, 1, 1, false},
    {"q_proj f32", StorageFormat::kF32, 4096, 2880, 6, 1, false},
};

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Measure(const Case& c, int64_t rows, const Compute& compute, std::string_view isa) {
  const int64_t bytes = PackedBytes({LayoutOrder::kRows16, c.format}, c.outputs, c.columns);
  const Buffer weights = *Buffer::Allocate(bytes * c.matrices, "weights");
  // Any codes and small numbers will do; scales near 1.
  const auto fill = static_cast<std::byte>(c.format == StorageFormat::kMxfp4 ? 0x7b : 0x3c);
  std::fill_n(weights.data(), bytes * c.matrices, fill);
  const Buffer x = *Buffer::Allocate(rows * c.columns * 4, "x");
  const Buffer output = *Buffer::Allocate(rows * c.outputs * c.active * 4, "output");
  std::fill_n(x.floats(), rows * c.columns, 0.01f);
  const GluParameters glu{7.0f, 1.702f};
  int64_t next = 0;
  const auto once = [&] {
    std::vector<Product> products;
    for (int64_t i = 0; i < c.active; ++i, next = (next + 1) % c.matrices) {
      products.push_back({c.format, weights.data() + next * bytes, nullptr, c.outputs, c.columns,
                          x.floats(), rows, output.floats() + i * rows * c.outputs, c.outputs});
    }
    RunProducts(compute, products, c.glu ? &glu : nullptr);
  };
  once();
  double best = 1e9;
  const double end = Seconds() + 0.7;
  for (int runs = 0; runs < 3 || Seconds() < end; ++runs) {
    const double start = Seconds();
    once();
    best = std::min(best, Seconds() - start);
  }
  const double flops = 2.0 * static_cast<double>(rows * c.outputs * c.columns * c.active);
  fmt::print("{:<7} {} thread(s) {:<26} rows {:>4}: {:8.3f} ms {:7.1f} GB/s {:7.1f} GFLOP/s\n", isa,
             compute.pool->size(), c.name, rows, best * 1e3,
             static_cast<double>(bytes * c.active) / best * 1e-9, flops / best * 1e-9);
  std::fflush(stdout);
}

int Run(std::vector<int> threads) {
  const auto isa = ChooseIsa();
  if (!isa) {
    fmt::print(stderr, "{}\n", isa.error().message);
    return 1;
  }
  if (threads.empty()) threads = {1, AvailableCpus()};
  for (int count : threads) {
    ThreadPool pool(count);
    const Compute compute{&KernelsOf(*isa), &pool};
    for (const Case& c : kCases) {
      for (int64_t rows : {1, 2, 4, 8, 64, 256}) {
        if (c.matrices == 1 && rows > 8) continue;
        Measure(c, rows, compute, IsaName(*isa));
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace fairlead::cpu

int main(int argc, char** argv) {
  std::vector<int> threads;
  for (int i = 1; i < argc; ++i) threads.push_back(std::max(1, std::atoi(argv[i])));
  return fairlead::cpu::Run(threads);
}
