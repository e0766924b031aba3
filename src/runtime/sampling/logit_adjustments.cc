#include "runtime/sampling/logit_adjustments.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace fairlead {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

void AddBias(std::span<float> logits, std::span<const LogitBias> biases) {
  for (const LogitBias& bias : biases) logits[static_cast<size_t>(bias.token)] += bias.bias;
}

void Penalise(std::span<float> logits, std::span<const SeenToken> seen,
              const SamplingParams& params) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (const SeenToken& token : seen) {
    float& logit = logits[static_cast<size_t>(token.token)];
    const float penalty = params.repetition_penalty;
    float changed = logit < 0 ? logit * penalty : logit / penalty;
    if (token.in_answer > 0) {
      changed -= static_cast<float>(token.in_answer) * params.frequency_penalty;
      changed -= params.presence_penalty;
    }
    logit = std::clamp(changed, -kLargest, kLargest);
  }
}

void KeepOnly(std::span<float> logits, const TokenSet& allowed) {
  size_t start = 0;
  for (const uint64_t word : allowed.words()) {
    const auto block = logits.subspan(start, std::min<size_t>(64, logits.size() - start));
    start += block.size();
    if (word == 0) {
      std::fill(block.begin(), block.end(), kForbidden);
      continue;
    }
    for (uint64_t missing = ~word; missing != 0; missing &= missing - 1) {
      const auto bit = static_cast<size_t>(std::countr_zero(missing));
      if (bit >= block.size()) break;
      block[bit] = kForbidden;
    }
  }
  std::fill(logits.begin() + static_cast<ptrdiff_t>(start), logits.end(), kForbidden);
}

}  // namespace fairlead
