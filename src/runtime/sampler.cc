#include "runtime/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "runtime/fast_exp.h"

namespace fairlead {
namespace {

// Sums and maxima run over blocks of this many logits.
constexpr size_t kBlock = 256;

struct Candidate {
  float logit = 0;
  float weight = 0;
  int32_t id = 0;
};

// The ranking of tokens: by logit, equal ones by id.
bool Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Turns a logit into a probability up to a common factor; the largest one weighs 1.
struct Weigher {
  float largest = 0;
  float temperature = 1;

  float operator()(float logit) const {
    // A quotient, not a product with 1 / temperature, which overflows for tiny temperatures.
    return ExpNonPositive((logit - largest) / temperature);
  }
};

std::span<const float> BlockAt(std::span<const float> logits, size_t start) {
  return logits.subspan(start, std::min(kBlock, logits.size() - start));
}

// Independent lanes, so that the compiler may use vectors without changing a result.
constexpr size_t kLanes = 16;

float Largest(std::span<const float> values) {
  std::array<float, kLanes> lanes;
  lanes.fill(values.front());
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = std::max(lanes[lane], values[i + lane]);
    }
  }
  for (; i < values.size(); ++i) lanes[0] = std::max(lanes[0], values[i]);
  return *std::max_element(lanes.begin(), lanes.end());
}

// The sum of the weights of a block. Weighing and adding are loops of their own, or else the
// compiler vectorises neither.
double BlockWeight(std::span<const float> block, const Weigher& weigh) {
  std::array<float, kBlock> weights;
  for (size_t i = 0; i < block.size(); ++i) weights[i] = weigh(block[i]);
  std::fill(weights.begin() + static_cast<ptrdiff_t>(block.size()), weights.end(), 0.0f);
  std::array<float, kLanes> lanes{};
  for (size_t i = 0; i < kBlock; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += weights[i + lane];
  }
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

std::vector<double> BlockWeights(std::span<const float> logits, const Weigher& weigh) {
  std::vector<double> weights;
  for (size_t start = 0; start < logits.size(); start += kBlock) {
    weights.push_back(BlockWeight(BlockAt(logits, start), weigh));
  }
  return weights;
}

double TotalWeight(std::span<const float> logits, const Weigher& weigh) {
  const std::vector<double> blocks = BlockWeights(logits, weigh);
  return std::accumulate(blocks.begin(), blocks.end(), 0.0);
}

Status CheckFinite(std::span<const float> logits) {
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

// The first token, in order of id, at which the weights so far exceed `uniform` of their sum.
int32_t PickById(std::span<const float> logits, const Weigher& weigh, double uniform) {
  const std::vector<double> blocks = BlockWeights(logits, weigh);
  const double target = uniform * std::accumulate(blocks.begin(), blocks.end(), 0.0);
  double before = 0;
  size_t block = 0;
  while (block + 1 < blocks.size() && before + blocks[block] <= target) before += blocks[block++];
  // The block's own sum is rounded otherwise than this one, so `target` may lie just past its end.
  size_t last_possible = block * kBlock;
  for (size_t i = block * kBlock; i < std::min(logits.size(), (block + 1) * kBlock); ++i) {
    const float weight = weigh(logits[i]);
    if (weight > 0) last_possible = i;
    before += weight;
    if (before > target) break;
  }
  return static_cast<int32_t>(last_possible);
}

// Moves the highest-ranking candidates whose weights together reach `mass` to the front, the last
// of them at the end of these, and returns their number: at least one, at most all.
size_t PrefixReaching(std::vector<Candidate>& candidates, double mass) {
  constexpr ptrdiff_t kFew = 32;
  auto low = candidates.begin();
  auto high = candidates.end();
  while (high - low > kFew) {  // each turn settles on which side of the middle the end lies
    const auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, Before);
    double upper = 0;
    for (auto it = low; it != middle; ++it) upper += it->weight;
    if (upper >= mass) {
      high = middle;
    } else {
      mass -= upper;
      low = middle;
    }
  }
  std::sort(low, high, Before);
  for (; low != high; ++low) {
    mass -= low->weight;
    if (mass <= 0) return static_cast<size_t>(low - candidates.begin()) + 1;
  }
  return static_cast<size_t>(high - candidates.begin());
}

std::vector<Candidate> Collect(std::span<const float> logits, float lowest, const Weigher& weigh) {
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= lowest) {
      candidates.push_back({logits[i], weigh(logits[i]), static_cast<int32_t>(i)});
    }
  }
  return candidates;
}

// The k highest-ranking tokens.
std::vector<Candidate> TopK(std::span<const float> logits, size_t k, const Weigher& weigh) {
  // The k-th largest of the blocks' maxima is not above the k-th largest logit: few pass it.
  constexpr size_t kSmallBlock = 64;
  std::vector<float> maxima;
  for (size_t start = 0; start < logits.size(); start += kSmallBlock) {
    maxima.push_back(Largest(logits.subspan(start, std::min(kSmallBlock, logits.size() - start))));
  }
  float lowest = -std::numeric_limits<float>::infinity();
  if (k <= maxima.size()) {
    const auto kth = maxima.begin() + static_cast<ptrdiff_t>(k) - 1;
    std::nth_element(maxima.begin(), kth, maxima.end(), std::greater<>());
    lowest = *kth;
  }
  std::vector<Candidate> candidates = Collect(logits, lowest, weigh);
  if (k < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(k),
                     candidates.end(), Before);
    candidates.resize(k);
  }
  return candidates;
}

// A superset of what top_p and min_p keep of all tokens, whose weights sum to `total`.
std::vector<Candidate> Likely(std::span<const float> logits, const SamplingParams& params,
                              const Weigher& weigh, double total) {
  // Tokens lighter than (1 - p) * total / n cannot reach (1 - p) * total together, so the heavier
  // ones alone reach p * total.
  const double top_p_bound = (1.0 - params.top_p) * total / static_cast<double>(logits.size());
  const double bound = std::max<double>(top_p_bound, params.min_p);
  // As a bound on logits, with a factor e to spare for rounding.
  const double lowest = weigh.largest + (std::log(bound) - 1.0) * weigh.temperature;
  return Collect(logits, static_cast<float>(lowest), weigh);
}

int32_t SampleFiltered(std::span<const float> logits, const SamplingParams& params,
                       const Weigher& weigh, double uniform) {
  const bool has_top_k = params.top_k > 0 && static_cast<size_t>(params.top_k) < logits.size();
  std::vector<Candidate> candidates;
  double total = 0;
  if (has_top_k) {
    candidates = TopK(logits, static_cast<size_t>(params.top_k), weigh);
    for (const Candidate& candidate : candidates) total += candidate.weight;
  } else {
    total = TotalWeight(logits, weigh);
    candidates = Likely(logits, params, weigh, total);
  }
  if (params.top_p < 1.0f) candidates.resize(PrefixReaching(candidates, params.top_p * total));
  // The most likely token weighs 1, and min_p is relative to it. What weighs 0 is never chosen.
  const float least = std::max(params.min_p, std::numeric_limits<float>::min());
  std::erase_if(candidates, [least](const Candidate& c) { return c.weight < least; });
  double kept = 0;
  for (const Candidate& candidate : candidates) kept += candidate.weight;
  return candidates[PrefixReaching(candidates, uniform * kept) - 1].id;
}

uint64_t SplitMix(uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

}  // namespace

Status ValidateSampling(const SamplingParams& params) {
  const auto refuse = [](std::string_view name, std::string_view expected, auto found) {
    return Fail(ErrorCode::kInvalidArgument, "sampler", "{}: expected {}, got {}", name, expected,
                found);
  };
  // Written so that NaN fails, too.
  if (!(params.temperature >= 0.0f) || !std::isfinite(params.temperature)) {
    return refuse("temperature", "a finite number of at least 0", params.temperature);
  }
  if (params.top_k < 0) return refuse("top_k", "at least 0", params.top_k);
  if (!(params.top_p > 0.0f && params.top_p <= 1.0f)) {
    return refuse("top_p", "above 0 and at most 1", params.top_p);
  }
  if (!(params.min_p >= 0.0f && params.min_p <= 1.0f)) {
    return refuse("min_p", "0 to 1", params.min_p);
  }
  return {};
}

double UniformAt(uint64_t seed, int64_t position) {
  constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;
  const uint64_t start = SplitMix(seed + kGamma);
  const uint64_t bits = SplitMix(start + kGamma * (static_cast<uint64_t>(position) + 1));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

Result<int32_t> Sample(std::span<const float> logits, const SamplingParams& params,
                       int64_t position) {
  if (logits.empty()) {
    return Fail(ErrorCode::kInvalidData, "sampler", "logits: expected at least 1, got 0");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckFinite(logits));
  const Weigher weigh{Largest(logits), params.temperature};
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

float LogProbability(std::span<const float> logits, int32_t token) {
  const Weigher weigh{Largest(logits), 1.0f};
  const double above = logits[static_cast<size_t>(token)] - weigh.largest;
  return static_cast<float>(above - std::log(TotalWeight(logits, weigh)));
}

}  // namespace fairlead
