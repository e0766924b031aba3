#include "nn/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fairlead {
namespace {

// The (fractional) index of the frequency that turns `rotations` times within the original length.
double CorrectionIndex(const RopeParameters& rope, double rotations, double head_dim) {
  const auto length = static_cast<double>(rope.original_max_position_embeddings);
  return head_dim * std::log(length / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.rope_theta));
}

}  // namespace

std::vector<float> InverseFrequencies(const RopeParameters& rope, int64_t head_dim) {
  const auto dim = static_cast<double>(head_dim);
  double low = CorrectionIndex(rope, rope.beta_fast, dim);
  double high = CorrectionIndex(rope, rope.beta_slow, dim);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;

  // From here in float32, step by step as HF does, so that angles at far positions agree.
  std::vector<float> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    const float wave = std::pow(static_cast<float>(rope.rope_theta), exponent);
    const float extrapolated = 1.0f / wave;
    if (!rope.yarn) {
      frequencies.push_back(extrapolated);
      continue;
    }
    const float interpolated = 1.0f / (static_cast<float>(rope.factor) * wave);
    const float position =
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1.0f - std::clamp(position, 0.0f, 1.0f);
    frequencies.push_back(interpolated * (1.0f - keep) + extrapolated * keep);
  }
  return frequencies;
}

float AttentionFactor(const RopeParameters& rope) {
  if (!rope.yarn) return 1.0f;
  if (rope.attention_factor) return static_cast<float>(*rope.attention_factor);
  return rope.factor <= 1.0 ? 1.0f : static_cast<float>(0.1 * std::log(rope.factor) + 1.0);
}

Value RotaryEmbedding(const Scope& scope, Value x, const RopeParameters& rope, int64_t head_dim) {
  return scope.Append(RotaryOp{InverseFrequencies(rope, head_dim), AttentionFactor(rope)}, {x},
                      scope.Columns(x));
}

}  // namespace fairlead
