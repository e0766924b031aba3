// Chooses the tokens of one sequence: what Sample does, with everything that depends on the tokens
// before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "runtime/constraint/token_set.h"
#include "runtime/sampling/logit_adjustments.h"
#include "runtime/sampling/sampler.h"

namespace fairlead {

// What holds for one token only.
struct SampleRules {
  const TokenSet* allowed = nullptr;     // nullptr: all
  std::span<const int32_t> banned = {};  // of these; ids below the vocabulary
  bool logprobs = false;
  int top_logprobs = 0;  // only with logprobs
};

struct SampledToken {
  int32_t token = 0;
  std::optional<float> logprob;
  std::vector<TokenLogprob> top_logprobs;  // most likely first, equal ones by id
};

class SequenceSampler {
 public:
  // `params` are valid. Of the prompt only the set of its tokens matters.
  SequenceSampler(const SamplingParams& params, std::span<const int32_t> prompt);

  // The token for `position`, from `logits`, which are changed. Log probabilities are those of the
  // model's own distribution, before anything else. The order: logit_bias, repetition_penalty,
  // presence_penalty and frequency_penalty, what is not allowed; then as Sample.
  // kInvalidData: logits that are NaN or infinite; no token is left.
  Result<SampledToken> Sample(std::span<float> logits, int64_t position, const SampleRules& rules);
  // `token` is part of the sequence from now on.
  void Accept(int32_t token);

 private:
  void Adjust(std::span<float> logits, const SampleRules& rules) const;

  SamplingParams params_;
  bool penalises_;
  std::vector<SeenToken> seen_;  // each once, by id; empty when nothing looks at them
};

}  // namespace fairlead
