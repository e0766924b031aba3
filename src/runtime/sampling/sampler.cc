#include "runtime/sampling/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "runtime/sampling/ranking.h"

namespace fairlead {
namespace {

constexpr float kLargestChange = 100.0f;  // of a logit by bias or by a penalty for one token

template <typename Found>
tl::unexpected<Error> Refuse(std::string_view name, std::string_view expected, const Found& found) {
  return Fail(ErrorCode::kInvalidArgument, "sampler", "{}: expected {}, got {}", name, expected,
              found);
}

// Comparisons are written so that NaN fails, too.
bool IsSmallChange(float change) { return std::abs(change) <= kLargestChange; }

Status CheckBias(const std::vector<LogitBias>& biases, int64_t vocabulary_size) {
  std::vector<int32_t> tokens;
  tokens.reserve(biases.size());
  for (const LogitBias& bias : biases) {
    if (bias.token < 0 || bias.token >= vocabulary_size) {
      return Refuse("logit_bias", fmt::format("token ids 0 to {}", vocabulary_size - 1),
                    bias.token);
    }
    if (!IsSmallChange(bias.bias)) {
      return Refuse(fmt::format("logit_bias of token {}", bias.token), "-100 to 100", bias.bias);
    }
    tokens.push_back(bias.token);
  }
  std::sort(tokens.begin(), tokens.end());
  const auto twice = std::adjacent_find(tokens.begin(), tokens.end());
  if (twice == tokens.end()) return {};
  return Refuse("logit_bias", "every token once", fmt::format("token {} twice", *twice));
}

// The first token, in order of id, at which the weights so far exceed `uniform` of their sum.
int32_t PickById(std::span<const float> logits, const Weigher& weigh, double uniform) {
  const std::vector<double> blocks = BlockWeights(logits, weigh);
  const double target = uniform * Sum(blocks);
  double before = 0;
  size_t block = 0;
  while (block + 1 < blocks.size() && before + blocks[block] <= target) before += blocks[block++];
  // The block's own sum is rounded otherwise than this one, so `target` may lie just past its end.
  size_t last_possible = block * kWeightBlock;
  for (size_t i = block * kWeightBlock; i < std::min(logits.size(), (block + 1) * kWeightBlock);
       ++i) {
    const float weight = weigh(logits[i]);
    if (weight > 0) last_possible = i;
    before += weight;
    if (before > target) break;
  }
  return static_cast<int32_t>(last_possible);
}

// What top_p and min_p choose from; `total` is the weight of what top_p is a part of.
std::vector<Candidate> Candidates(std::span<const float> logits, const SamplingParams& params,
                                  const Weigher& weigh, double& total) {
  // min_p is relative to the most likely token, which weighs 1. What weighs 0 is never chosen.
  const float least = std::max(params.min_p, std::numeric_limits<float>::min());
  if (params.top_k > 0 && static_cast<size_t>(params.top_k) < logits.size()) {
    std::vector<Candidate> candidates = TopK(logits, static_cast<size_t>(params.top_k), weigh);
    for (const Candidate& candidate : candidates) total += candidate.weight;
    std::erase_if(candidates, [least](const Candidate& c) { return c.weight < least; });
    return candidates;
  }
  const std::vector<float> weights = Weights(logits, weigh);
  total = Sum(weights);
  // Tokens lighter than (1 - p) * total / n cannot reach (1 - p) * total together, so the heavier
  // ones alone reach p * total; half of that leaves room for rounding.
  const double light = 0.5 * (1.0 - params.top_p) * total / static_cast<double>(logits.size());
  return AtLeast(logits, weights, std::max(least, static_cast<float>(light)));
}

// Each filter keeps a beginning of the ranking, and so does what is drawn: all are a weight that
// the tokens from the most likely on must reach.
int32_t SampleFiltered(std::span<const float> logits, const SamplingParams& params,
                       const Weigher& weigh, double uniform) {
  double total = 0;
  const Ranking ranking(Candidates(logits, params, weigh, total));
  const Ranking::Prefix kept = ranking.Reaching(
      params.top_p < 1.0f ? params.top_p * total : std::numeric_limits<double>::infinity());
  const Candidate drawn = ranking.Reaching(uniform * kept.weight).last;
  return Before(kept.last, drawn) ? kept.last.id : drawn.id;  // sums are rounded
}

uint64_t SplitMix(uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

}  // namespace

Status ValidateSampling(const SamplingParams& params, int64_t vocabulary_size) {
  if (!(params.temperature >= 0.0f) || !std::isfinite(params.temperature)) {
    return Refuse("temperature", "a finite number of at least 0", params.temperature);
  }
  if (params.top_k < 0) return Refuse("top_k", "at least 0", params.top_k);
  if (!(params.top_p > 0.0f && params.top_p <= 1.0f)) {
    return Refuse("top_p", "above 0 and at most 1", params.top_p);
  }
  if (!(params.min_p >= 0.0f && params.min_p <= 1.0f)) {
    return Refuse("min_p", "0 to 1", params.min_p);
  }
  if (!(params.repetition_penalty > 0.0f) || !std::isfinite(params.repetition_penalty)) {
    return Refuse("repetition_penalty", "a finite number above 0", params.repetition_penalty);
  }
  if (!IsSmallChange(params.presence_penalty)) {
    return Refuse("presence_penalty", "-100 to 100", params.presence_penalty);
  }
  if (!IsSmallChange(params.frequency_penalty)) {
    return Refuse("frequency_penalty", "-100 to 100", params.frequency_penalty);
  }
  return CheckBias(params.logit_bias, vocabulary_size);
}

double UniformAt(uint64_t seed, int64_t position) {
  constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;
  const uint64_t start = SplitMix(seed + kGamma);
  const uint64_t bits = SplitMix(start + kGamma * (static_cast<uint64_t>(position) + 1));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

Status CheckLogits(std::span<const float> logits) {
  if (logits.empty()) {
    return Fail(ErrorCode::kInvalidData, "sampler", "logits: expected at least 1, got 0");
  }
  constexpr uint32_t kExponent = 0x7f800000u;
  uint32_t found = 0;
  for (float logit : logits) {
    found |= static_cast<uint32_t>((std::bit_cast<uint32_t>(logit) & kExponent) == kExponent);
  }
  if (found == 0) return {};
  const auto first = std::find_if_not(logits.begin(), logits.end(),
                                      [](float logit) { return std::isfinite(logit); });
  return Fail(ErrorCode::kInvalidData, "sampler",
              "logit of token {}: expected a finite number, got {}", first - logits.begin(),
              *first);
}

Result<int32_t> Sample(std::span<const float> logits, const SamplingParams& params,
                       int64_t position) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLogits(logits));
  return SampleChecked(logits, params, position);
}

Result<int32_t> SampleChecked(std::span<const float> logits, const SamplingParams& params,
                              int64_t position) {
  const Weigher weigh{Largest(logits), params.temperature};
  if (!std::isfinite(weigh.largest)) {
    return Fail(ErrorCode::kInvalidData, "sampler",
                "position {}: expected a token that may be chosen, got none", position);
  }
  if (params.temperature == 0.0f) {
    return static_cast<int32_t>(std::find(logits.begin(), logits.end(), weigh.largest) -
                                logits.begin());
  }
  const double uniform = UniformAt(params.seed, position);
  if (params.top_k == 0 && params.top_p == 1.0f && params.min_p == 0.0f) {
    return PickById(logits, weigh, uniform);
  }
  return SampleFiltered(logits, params, weigh, uniform);
}

}  // namespace fairlead
