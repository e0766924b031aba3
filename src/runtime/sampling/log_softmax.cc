#include "runtime/sampling/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/sampling/ranking.h"

namespace fairlead {

LogSoftmax::LogSoftmax(std::span<const float> logits) {
  const Weigher weigh{Largest(logits), 1.0f};
  largest_ = weigh.largest;
  log_sum_ = std::log(Sum(BlockWeights(logits, weigh)));
}

float LogSoftmax::operator()(float logit) const {
  constexpr double kLowest = std::numeric_limits<float>::lowest();
  return static_cast<float>(std::max(logit - largest_ - log_sum_, kLowest));
}

std::vector<TokenLogprob> TopLogprobs(std::span<const float> logits, int count,
                                      const LogSoftmax& log_softmax) {
  if (count <= 0) return {};
  std::vector<Candidate> candidates =
      TopK(logits, static_cast<size_t>(count), Weigher{Largest(logits), 1.0f});
  std::sort(candidates.begin(), candidates.end(), Before);
  std::vector<TokenLogprob> top;
  top.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    top.push_back({candidate.id, log_softmax(candidate.logit)});
  }
  return top;
}

}  // namespace fairlead
