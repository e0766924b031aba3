// exp for sampling: the same bits on every platform, and loops over it are vectorised.
#pragma once

#include <bit>
#include <cstdint>

namespace fairlead {

// exp(x) for x <= 0, relative error below 2e-7; 0 for x < -87, where float32's normal range ends.
// Cephes' expf without branches: x = n ln 2 + f, a polynomial for exp(f), n into the exponent.
inline float ExpNonPositive(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer
  constexpr int32_t kLargest = std::bit_cast<int32_t>(87.0f);
  // Compared as integers: a comparison of floats may trap, and GCC keeps its branch.
  const int32_t magnitude = std::bit_cast<int32_t>(x) & 0x7fffffff;
  const float clamped = -std::bit_cast<float>(magnitude < kLargest ? magnitude : kLargest);
  const float shifted = clamped * kLog2E + kRound;
  const float n = shifted - kRound;
  const float f = clamped - n * kLn2High - n * kLn2Low;
  float y = 1.9875691500e-4f;
  y = y * f + 1.3981999507e-3f;
  y = y * f + 8.3334519073e-3f;
  y = y * f + 4.1665795894e-2f;
  y = y * f + 1.6666665459e-1f;
  y = y * f + 5.0000001201e-1f;
  y = y * (f * f) + f + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound) + 127;
  const int32_t power = magnitude > kLargest ? 0 : exponent * (1 << 23);
  return y * std::bit_cast<float>(power);
}

}  // namespace fairlead
