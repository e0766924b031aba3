// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"

namespace fairlead {

// The defaults sample from the model's own distribution.
struct SamplingParams {
  float temperature = 1.0f;  // logits are divided by it; 0 = greedy
  int top_k = 0;             // keep the k most likely tokens; 0 = all
  float top_p = 1.0f;        // keep the fewest most likely tokens that reach this probability
  float min_p = 0.0f;        // keep tokens at least this fraction as likely as the most likely one
  uint64_t seed = 0;
};

// Checks the ranges: temperature >= 0, top_k >= 0, 0 < top_p <= 1, 0 <= min_p <= 1, all finite.
Status ValidateSampling(const SamplingParams& params);

// The token for `position` (where it will stand in its sequence). A pure function of its arguments:
// the randomness is UniformAt(seed, position), so neither the batch nor earlier calls matter.
// The filters run in the order temperature, top_k, top_p, min_p, each on the renormalised rest of
// the one before (as Hugging Face's logits processors); equal logits rank by id, lowest first, so
// top_k keeps exactly k. Greedy takes the lowest id of the largest logit.
// NaN or infinite logits, or none at all, are kInvalidData. `params` are valid.
Result<int32_t> Sample(std::span<const float> logits, const SamplingParams& params,
                       int64_t position);

// log softmax(logits)[token], before temperature and filters. The logits are finite.
float LogProbability(std::span<const float> logits, int32_t token);

// A number in [0, 1) with 53 random bits: output `position` of a SplitMix64 generator (Steele, Lea
// and Flood 2014) whose state begins at the mixed seed. The same on every platform.
double UniformAt(uint64_t seed, int64_t position);

}  // namespace fairlead
