// Rotary position embedding, with YaRN's scaling of its frequencies.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/scope.h"

namespace fairlead {

// The rope block of a configuration. Names as in HF's rope_parameters.
struct RopeParameters {
  bool yarn = true;  // false: rope_type "default", plain frequencies
  double rope_theta = 150000.0;
  double factor = 32.0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  bool truncate = false;
  int64_t original_max_position_embeddings = 4096;
  std::optional<double> attention_factor;
};

// inv_freq_i for i < head_dim / 2: interpolated (divided by `factor`) where the wavelength exceeds
// what training saw, untouched where it is short, a linear ramp between ("NTK by parts", Peng et
// al. 2023, section 3.2; HF _compute_yarn_parameters).
std::vector<float> InverseFrequencies(const RopeParameters& rope, int64_t head_dim);

// What cos and sin are multiplied by: the configured factor, else 0.1 ln(factor) + 1 (YaRN, section
// 3.4). Scores carry its square.
float AttentionFactor(const RopeParameters& rope);

// x [T, heads * head_dim] rotated by its rows' positions, called by the scope's name.
Value RotaryEmbedding(const Scope& scope, Value x, const RopeParameters& rope, int64_t head_dim);

}  // namespace fairlead
