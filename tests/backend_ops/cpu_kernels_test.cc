// The cpu backend's kernels, each instruction set of this machine for itself: their values, and
// that a row's bits do not depend on the rows beside it or on threads.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "backends/cpu/product.h"
#include "base/dtype.h"

namespace fairlead::cpu {
namespace {

constexpr Isa kIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};
constexpr StorageFormat kFormats[] = {StorageFormat::kF32, StorageFormat::kBf16,
                                      StorageFormat::kMxfp4};

class CpuKernelsTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!CpuSupports(GetParam())) GTEST_SKIP() << "this CPU has no " << IsaName(GetParam());
  }
  const KernelTable& kernels() const { return KernelsOf(GetParam()); }
  // e^x of a whole array.
  std::vector<float> Exp(const std::vector<float>& x) const {
    std::vector<float> output(x.size());
    kernels().exp({x.data(), static_cast<int64_t>(x.size()), output.data()});
    return output;
  }
};

INSTANTIATE_TEST_SUITE_P(Isas, CpuKernelsTest, testing::ValuesIn(kIsas),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// A packed random matrix and the same in plain floats.
struct Matrix {
  StorageFormat format;
  int64_t rows, columns;
  std::vector<std::byte> packed;
  std::vector<float> plain;
};

Matrix RandomMatrix(StorageFormat format, int64_t rows, int64_t columns) {
  std::mt19937 random(static_cast<unsigned>(rows * 31 + columns));
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<std::byte> elements, scales;
  const int64_t count = rows * columns;
  switch (format) {
    case StorageFormat::kF32:
      for (int64_t i = 0; i < count; ++i) {
        const auto bytes = std::bit_cast<std::array<std::byte, 4>>(uniform(random));
        elements.insert(elements.end(), bytes.begin(), bytes.end());
      }
      break;
    case StorageFormat::kBf16:
      for (int64_t i = 0; i < count; ++i) {
        const auto bytes = std::bit_cast<std::array<std::byte, 2>>(FloatToBf16(uniform(random)));
        elements.insert(elements.end(), bytes.begin(), bytes.end());
      }
      break;
    case StorageFormat::kMxfp4:
      for (int64_t i = 0; i < count / 2; ++i) {
        elements.push_back(static_cast<std::byte>(random()));
      }
      for (int64_t i = 0; i < count / kMxfp4Block; ++i) {
        scales.push_back(static_cast<std::byte>(120 + random() % 10));
      }
      break;
  }
  Matrix matrix{format, rows, columns, {}, {}};
  const Layout layout{LayoutOrder::kRows16, format};
  matrix.packed.resize(static_cast<size_t>(PackedBytes(layout, rows, columns)));
  Pack(layout, {format, rows, columns, elements.data(), scales.data()}, matrix.packed);
  matrix.plain.resize(static_cast<size_t>(count));
  const PackedTensor tensor{layout, {rows, columns}, matrix.packed};
  for (int64_t row = 0; row < rows; ++row) {
    ReadRow(tensor, 0, row, matrix.plain.data() + row * columns);
  }
  return matrix;
}

std::vector<float> RandomFloats(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// x[first_row .. first_row + rows) * matrix^T + bias; with `glu`, gated.
std::vector<float> Multiply(const KernelTable& kernels, int threads, const Matrix& matrix,
                            const std::vector<float>& x, int64_t first_row, int64_t rows,
                            const std::vector<float>& bias, const GluParameters* glu) {
  ThreadPool pool(threads);
  const Compute compute{&kernels, &pool};
  std::vector<const float*> pointers;
  for (int64_t row = 0; row < rows; ++row) {
    pointers.push_back(x.data() + (first_row + row) * matrix.columns);
  }
  std::vector<float> tiles(static_cast<size_t>(rows * matrix.columns));
  PackRows(compute, pointers, matrix.columns, tiles.data());
  const int64_t stride = glu == nullptr ? matrix.rows : matrix.rows / 2;
  // One float more than there is: nothing may be written there.
  std::vector<float> output(static_cast<size_t>(rows * stride + 1), -77.0f);
  const Product product{matrix.format, matrix.packed.data(), bias.data(),
                        matrix.rows,   matrix.columns,       tiles.data(),
                        rows,          output.data(),        stride};
  RunProducts(compute, {&product, 1}, glu);
  EXPECT_EQ(output.back(), -77.0f);
  output.pop_back();
  return output;
}

TEST_P(CpuKernelsTest, ProductsAreThoseOfDoubles) {
  for (StorageFormat format : kFormats) {
    for (auto [outputs, columns] : {std::pair<int64_t, int64_t>{1, 32}, {47, 96}, {130, 2880}}) {
      const Matrix matrix = RandomMatrix(format, outputs, columns);
      const std::vector<float> x = RandomFloats(13 * columns, 1), bias = RandomFloats(outputs, 2);
      const std::vector<float> y = Multiply(kernels(), 1, matrix, x, 0, 13, bias, nullptr);
      for (int64_t i = 0; i < 13 * outputs; ++i) {
        double expected = bias[static_cast<size_t>(i % outputs)], size = 1.0;
        for (int64_t k = 0; k < columns; ++k) {
          const double term = double{matrix.plain[static_cast<size_t>(i % outputs * columns + k)]} *
                              x[static_cast<size_t>(i / outputs * columns + k)];
          expected += term;
          size += std::abs(term);
        }
        ASSERT_NEAR(y[static_cast<size_t>(i)], expected, 1e-6 * size)
            << StorageFormatName(format) << " row " << i / outputs << " output " << i % outputs;
      }
    }
  }
}

TEST_P(CpuKernelsTest, ARowOfAProductHasTheSameBitsAmongAnyNumberOfRows) {
  const GluParameters glu{1.5f, 1.702f};
  for (StorageFormat format : kFormats) {
    const Matrix matrix = RandomMatrix(format, 342, 1056);
    const std::vector<float> x = RandomFloats(64 * matrix.columns, 3);
    const std::vector<float> bias = RandomFloats(matrix.rows, 4);
    for (const GluParameters* gated : {static_cast<const GluParameters*>(nullptr), &glu}) {
      const std::vector<float> all = Multiply(kernels(), 1, matrix, x, 0, 64, bias, gated);
      const auto stride = static_cast<int64_t>(all.size()) / 64;
      for (int threads : {1, 2}) {
        for (int64_t rows : {1, 2, 3, 5, 7, 11, 12, 13, 64}) {
          for (int64_t first = 0; first + rows <= 64; first += rows + 16) {
            const auto part = Multiply(kernels(), threads, matrix, x, first, rows, bias, gated);
            const std::vector<float> expected(all.begin() + first * stride,
                                              all.begin() + (first + rows) * stride);
            ASSERT_EQ(part, expected) << StorageFormatName(format) << ", " << rows << " rows from "
                                      << first << ", " << threads << " threads";
          }
        }
      }
    }
  }
}

TEST_P(CpuKernelsTest, EveryMxfp4CodeAndScaleIsExact) {
  const Layout layout{LayoutOrder::kRows16, StorageFormat::kMxfp4};
  for (int scale = 0; scale < 255; ++scale) {
    // Row r holds code r in both columns of the first pair; the other columns are multiplied by 0.
    std::vector<std::byte> elements(16 * 16), scales(16, static_cast<std::byte>(scale));
    for (int row = 0; row < 16; ++row) {
      elements[static_cast<size_t>(row) * 16] = static_cast<std::byte>(row | (15 - row) << 4);
    }
    std::vector<std::byte> packed(static_cast<size_t>(PackedBytes(layout, 16, 32)));
    Pack(layout, {StorageFormat::kMxfp4, 16, 32, elements.data(), scales.data()}, packed);
    for (size_t column : {0, 1}) {
      float x[32] = {}, y[16];
      x[column] = 1.0f;
      MatmulTile tile{};
      tile.panels = reinterpret_cast<const uint8_t*>(packed.data());
      tile.panel_bytes = static_cast<int64_t>(packed.size());
      tile.panel_count = tile.rows = 1;
      tile.columns = 32;
      tile.x = x;
      tile.output = y;
      tile.output_columns = 16;
      kernels().matmul_mxfp4(tile);
      for (size_t row = 0; row < 16; ++row) {
        const float code = kE2m1Values[column == 0 ? row : 15 - row];
        ASSERT_EQ(y[row], code * E8m0ToFloat(static_cast<uint8_t>(scale)))
            << "scale " << scale << " row " << row;
      }
    }
  }
}

TEST_P(CpuKernelsTest, ExpIsWithinTwoUnitsInTheLastPlace) {
  std::vector<float> x;
  for (float value = -86.6f; value < 88.72f; value += 1.7e-3f) x.push_back(value);
  const std::vector<float> y = Exp(x);
  double worst = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(double{x[i]});
    const auto rounded = static_cast<float>(expected);
    const double unit = std::nextafter(rounded, INFINITY) - double{rounded};
    worst = std::max(worst, std::abs(y[i] - expected) / unit);
  }
  EXPECT_LE(worst, 2.0);
}

TEST_P(CpuKernelsTest, ExpOfSpecialValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> y = Exp({0.0f, -0.0f, -87.0f, -1e30f, -kInfinity, 89.0f, kInfinity});
  EXPECT_EQ(y, (std::vector<float>{1.0f, 1.0f, 0.0f, 0.0f, 0.0f, kInfinity, kInfinity}));
  EXPECT_TRUE(std::isnan(Exp({std::numeric_limits<float>::quiet_NaN()})[0]));
}

TEST_P(CpuKernelsTest, GluIsTheFormulaAtEveryLength) {
  for (int64_t columns = 1; columns <= 40; ++columns) {
    std::vector<float> gate_up = RandomFloats(2 * columns, static_cast<unsigned>(columns));
    for (float& value : gate_up) value *= 3.0f;
    std::vector<float> y(static_cast<size_t>(columns) + 1, -77.0f);
    kernels().glu({gate_up.data(), 2.5f, 1.702f, columns, y.data()});
    for (size_t i = 0; i < static_cast<size_t>(columns); ++i) {
      const double gate = std::min(gate_up[2 * i], 2.5f);
      const double up = std::clamp(gate_up[2 * i + 1], -2.5f, 2.5f);
      ASSERT_NEAR(y[i], (up + 1) * gate / (1 + std::exp(-1.702 * gate)), 1e-6) << columns;
    }
    ASSERT_EQ(y.back(), -77.0f);
  }
}

TEST_P(CpuKernelsTest, NormRotaryAddAndWeightedSumAreTheFormulasAtEveryLength) {
  for (int64_t n = 1; n <= 40; ++n) {
    const std::vector<float> a = RandomFloats(2 * n, 5), b = RandomFloats(2 * n, 6);
    const std::vector<float> w = RandomFloats(n, 7);
    const auto size = static_cast<size_t>(n);
    std::vector<float> norm(size + 1, -77.0f), turned(2 * size + 1, -77.0f), sum = norm, mix = norm;
    kernels().rms_norm({a.data(), w.data(), 1e-3f, n, norm.data()});
    kernels().rotary({a.data(), b.data(), b.data() + n, 1, n, turned.data()});
    kernels().add({a.data(), b.data(), n, sum.data()});
    const float* rows[] = {a.data(), b.data(), w.data()};
    const float weights[] = {0.5f, -2.0f, 0.25f};
    kernels().weighted_sum({weights, rows, 3, n, mix.data()});
    double squares = 0.0;
    for (size_t i = 0; i < size; ++i) squares += double{a[i]} * a[i];
    const double scale = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-3);
    for (size_t i = 0; i < size; ++i) {
      const double c = b[i], s = b[size + i], x1 = a[i], x2 = a[size + i];
      ASSERT_NEAR(norm[i], w[i] * a[i] * scale, 1e-5) << n;
      ASSERT_NEAR(turned[i], x1 * c - x2 * s, 1e-5) << n;
      ASSERT_NEAR(turned[size + i], x2 * c + x1 * s, 1e-5) << n;
      ASSERT_EQ(sum[i], a[i] + b[i]) << n;
      ASSERT_NEAR(mix[i], 0.5 * a[i] - 2.0 * b[i] + 0.25 * w[i], 1e-5) << n;
    }
    for (const std::vector<float>* output : {&norm, &turned, &sum, &mix}) {
      ASSERT_EQ(output->back(), -77.0f) << n;
    }
  }
}

TEST(CpuKernelTables, EveryInstructionSetOfThisMachineHasEveryKernel) {
  for (Isa isa : kIsas) {
    if (!CpuSupports(isa)) continue;
    const KernelTable& kernels = KernelsOf(isa);
#define FAIRLEAD_KERNEL(Template, member, Arguments) \
  EXPECT_NE(kernels.member, nullptr) << IsaName(isa) << " " #member;
#include "backends/cpu/kernels/kernels.def"
#undef FAIRLEAD_KERNEL
    EXPECT_GE(kernels.matmul_rows, 1);
    EXPECT_LE(kernels.matmul_rows, kMaxTileRows);
  }
}

}  // namespace
}  // namespace fairlead::cpu
