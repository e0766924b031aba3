// Log probabilities of tokens in the model's own distribution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampling/sampler.h"

namespace fairlead {

// log softmax of finite logits, at least one: weighs all of them once.
class LogSoftmax {
 public:
  explicit LogSoftmax(std::span<const float> logits);

  // Of one of these logits. Finite: what is below float32's range becomes its lowest number.
  float operator()(float logit) const;

 private:
  double largest_;
  double log_sum_;
};

// The `count` most likely tokens, all when there are fewer: most likely first, equal ones by id.
std::vector<TokenLogprob> TopLogprobs(std::span<const float> logits, int count,
                                      const LogSoftmax& log_softmax);

}  // namespace fairlead
