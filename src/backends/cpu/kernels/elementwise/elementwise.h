// The kernels of this family: one row (or a part of it) at a time, any length.
#pragma once

#include <cstdint>

namespace fairlead::cpu {

// output = weight * (x * rsqrt(mean(x^2) + eps))
struct RmsNormRow {
  const float* x;
  const float* weight;
  float eps;
  int64_t columns;
  float* output;
};

// Rotates the two halves of each of `heads` heads: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin.
struct RotaryRow {
  const float* x;
  const float* cosines;  // [half]
  const float* sines;
  int64_t heads;
  int64_t half;
  float* output;
};

// gate_up holds gate and up in turns; output = (u + 1) * g * sigmoid(alpha * g) with g = min(gate,
// limit) and u = clamp(up, -limit, limit).
struct GluRow {
  const float* gate_up;  // [2 * columns]
  float limit;
  float alpha;
  int64_t columns;
  float* output;
};

// output = a + b
struct AddRow {
  const float* a;
  const float* b;
  int64_t columns;
  float* output;
};

// output = e^x, wrong by at most 2 units in the last place; 0 below -86.6 (where e^x < 2.5e-38).
struct ExpRow {
  const float* x;
  int64_t columns;
  float* output;
};

// output = sum over i of weights[i] * rows[i], in this order.
struct WeightedSumRow {
  const float* weights;
  const float* const* rows;
  int64_t count;
  int64_t columns;
  float* output;
};

}  // namespace fairlead::cpu
