#include "runtime/sampling/sequence_sampler.h"

#include <algorithm>
#include <limits>

#include "runtime/sampling/log_softmax.h"

namespace fairlead {

SequenceSampler::SequenceSampler(const SamplingParams& params, std::span<const int32_t> prompt)
    : params_(params),
      penalises_(params.repetition_penalty != 1.0f || params.presence_penalty != 0.0f ||
                 params.frequency_penalty != 0.0f) {
  if (params.repetition_penalty == 1.0f) return;  // the others look at the answer only
  std::vector<int32_t> tokens(prompt.begin(), prompt.end());
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  seen_.reserve(tokens.size());
  for (const int32_t token : tokens) seen_.push_back({token, 0});
}

Result<SampledToken> SequenceSampler::Sample(std::span<float> logits, int64_t position,
                                             const SampleRules& rules) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLogits(logits));
  SampledToken sampled;
  if (!rules.logprobs) {
    Adjust(logits, rules);
    FAIRLEAD_ASSIGN_OR_RETURN(sampled.token, SampleChecked(logits, params_, position));
    return sampled;
  }
  const LogSoftmax log_softmax(logits);
  sampled.top_logprobs = TopLogprobs(logits, rules.top_logprobs, log_softmax);
  const std::vector<float> own(logits.begin(), logits.end());
  Adjust(logits, rules);
  FAIRLEAD_ASSIGN_OR_RETURN(sampled.token, SampleChecked(logits, params_, position));
  sampled.logprob = log_softmax(own[static_cast<size_t>(sampled.token)]);
  return sampled;
}

void SequenceSampler::Adjust(std::span<float> logits, const SampleRules& rules) const {
  AddBias(logits, params_.logit_bias);
  if (penalises_) Penalise(logits, seen_, params_);
  if (rules.allowed != nullptr) KeepOnly(logits, *rules.allowed);
  for (const int32_t token : rules.banned) {
    logits[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
  }
}

void SequenceSampler::Accept(int32_t token) {
  if (!penalises_) return;
  const auto place =
      std::lower_bound(seen_.begin(), seen_.end(), token,
                       [](const SeenToken& seen, int32_t id) { return seen.token < id; });
  if (place != seen_.end() && place->token == token) {
    ++place->in_answer;
  } else {
    seen_.insert(place, {token, 1});
  }
}

}  // namespace fairlead
