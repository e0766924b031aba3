// What is done to a row of logits before a token is chosen from it.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/constraint/token_set.h"
#include "runtime/sampling/sampler.h"

namespace fairlead {

// A token of the prompt or the answer.
struct SeenToken {
  int32_t token = 0;
  int64_t in_answer = 0;  // how often it is in the answer
};

// logit + bias. Ids are below the number of logits, here and below.
void AddBias(std::span<float> logits, std::span<const LogitBias> biases);

// The repetition, presence and frequency penalties of `params`, each token of `seen` being there
// once. Logits that are finite stay finite.
void Penalise(std::span<float> logits, std::span<const SeenToken> seen,
              const SamplingParams& params);

// Sets the logits of all tokens that are not in `allowed` to -infinity, also those of tokens past
// its end (a model's vocabulary can be larger than its tokenizer's).
void KeepOnly(std::span<float> logits, const TokenSet& allowed);

}  // namespace fairlead
