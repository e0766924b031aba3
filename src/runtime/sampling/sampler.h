// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace fairlead {

// Added to the logit of a token.
struct LogitBias {
  int32_t token = 0;
  float bias = 0;
};

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0;  // natural logarithm
};

// The defaults sample from the model's own distribution.
struct SamplingParams {
  float temperature = 1.0f;  // logits are divided by it; 0 = greedy
  int top_k = 0;             // keep the k most likely tokens; 0 = all
  float top_p = 1.0f;        // keep the fewest most likely tokens that reach this probability
  float min_p = 0.0f;        // keep tokens at least this fraction as likely as the most likely one
  uint64_t seed = 0;
  // Of tokens of prompt or answer, positive logits are divided by it, others multiplied (as Hugging
  // Face's RepetitionPenaltyLogitsProcessor); 1 = none.
  float repetition_penalty = 1.0f;
  // Taken from the logit of every token of the answer: once, and as often as it is there (as
  // OpenAI's API).
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  std::vector<LogitBias> logit_bias = {};
};

// Checks the ranges: temperature >= 0, top_k >= 0, 0 < top_p <= 1, 0 <= min_p <= 1,
// repetition_penalty > 0, the other penalties and every bias -100 to 100, all finite; biased tokens
// are ids of the vocabulary, each there once. (OpenAI's API has penalties of -2 to 2; what is wider
// harms nobody.)
Status ValidateSampling(const SamplingParams& params, int64_t vocabulary_size);

// The token for `position` (where it will stand in its sequence). A pure function of its arguments:
// the randomness is UniformAt(seed, position), so neither the batch nor earlier calls matter.
// The filters run in the order temperature, top_k, top_p, min_p, each on the renormalised rest of
// the one before (as Hugging Face's logits processors); equal logits rank by id, lowest first, so
// top_k keeps exactly k. Greedy takes the lowest id of the largest logit. Bias and penalties are
// not looked at: they are SequenceSampler's.
// NaN or infinite logits, or none at all, are kInvalidData. `params` are valid.
Result<int32_t> Sample(std::span<const float> logits, const SamplingParams& params,
                       int64_t position);

// The two parts of Sample: what it checks, and its choice. SampleChecked also takes -infinity for
// tokens that must not be chosen; kInvalidData when nothing else is there.
Status CheckLogits(std::span<const float> logits);
Result<int32_t> SampleChecked(std::span<const float> logits, const SamplingParams& params,
                              int64_t position);

// A number in [0, 1) with 53 random bits: output `position` of a SplitMix64 generator (Steele, Lea
// and Flood 2014) whose state begins at the mixed seed. The same on every platform.
double UniformAt(uint64_t seed, int64_t position);

}  // namespace fairlead
