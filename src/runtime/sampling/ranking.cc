#include "runtime/sampling/ranking.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace fairlead {
namespace {

// Independent lanes, so that the compiler may use vectors without changing a result.
constexpr size_t kLanes = 16;

std::span<const float> BlockAt(std::span<const float> values, size_t start, size_t size) {
  return values.subspan(start, std::min(size, values.size() - start));
}

double BlockSum(std::span<const float> block) {
  std::array<float, kLanes> lanes{};
  size_t i = 0;
  for (; i + kLanes <= block.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += block[i + lane];
  }
  for (size_t lane = 0; i < block.size(); ++i, ++lane) lanes[lane] += block[i];
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

// Moves the highest-ranking candidates whose weights together reach `weight` to the front, the last
// of them at the end of these, and returns their number: at least one, at most all.
size_t MoveToFront(std::vector<Candidate>& candidates, double weight) {
  constexpr ptrdiff_t kFew = 32;
  auto low = candidates.begin();
  auto high = candidates.end();
  while (high - low > kFew) {  // each turn settles on which side of the middle the end lies
    const auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, Before);
    double upper = 0;
    for (auto it = low; it != middle; ++it) upper += it->weight;
    if (upper >= weight) {
      high = middle;
    } else {
      weight -= upper;
      low = middle;
    }
  }
  std::sort(low, high, Before);
  for (; low != high; ++low) {
    weight -= low->weight;
    if (weight <= 0) return static_cast<size_t>(low - candidates.begin()) + 1;
  }
  return static_cast<size_t>(high - candidates.begin());
}

}  // namespace

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

std::vector<float> Weights(std::span<const float> logits, const Weigher& weigh) {
  std::vector<float> weights(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) weights[i] = weigh(logits[i]);
  return weights;
}

std::vector<double> BlockWeights(std::span<const float> logits, const Weigher& weigh) {
  std::vector<double> weights;
  weights.reserve(logits.size() / kWeightBlock + 1);
  for (size_t start = 0; start < logits.size(); start += kWeightBlock) {
    // Weighing and adding are loops of their own, or else the compiler vectorises neither.
    std::array<float, kWeightBlock> block;
    const size_t count = std::min(kWeightBlock, logits.size() - start);
    for (size_t i = 0; i < count; ++i) block[i] = weigh(logits[start + i]);
    weights.push_back(BlockSum({block.data(), count}));
  }
  return weights;
}

double Sum(std::span<const float> weights) {
  double sum = 0;
  for (size_t start = 0; start < weights.size(); start += kWeightBlock) {
    sum += BlockSum(BlockAt(weights, start, kWeightBlock));
  }
  return sum;
}

double Sum(std::span<const double> block_weights) {
  return std::accumulate(block_weights.begin(), block_weights.end(), 0.0);
}

std::vector<Candidate> TopK(std::span<const float> logits, size_t k, const Weigher& weigh) {
  // The k-th largest of the blocks' maxima is not above the k-th largest logit: few pass it.
  const size_t block = std::clamp<size_t>(logits.size() / (4 * k), 1, 64);
  std::vector<float> maxima;
  maxima.reserve(logits.size() / block + 1);
  for (size_t start = 0; start < logits.size(); start += block) {
    maxima.push_back(Largest(BlockAt(logits, start, block)));
  }
  float lowest = std::numeric_limits<float>::lowest();
  if (k <= maxima.size()) {
    const auto kth = maxima.begin() + static_cast<ptrdiff_t>(k) - 1;
    std::nth_element(maxima.begin(), kth, maxima.end(), std::greater<>());
    lowest = std::max(lowest, *kth);
  }
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= lowest) {
      candidates.push_back({logits[i], weigh(logits[i]), static_cast<int32_t>(i)});
    }
  }
  if (k < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(k),
                     candidates.end(), Before);
    candidates.resize(k);
  }
  return candidates;
}

std::vector<Candidate> AtLeast(std::span<const float> logits, std::span<const float> weights,
                               float least) {
  constexpr size_t kSmallBlock = 64;
  std::vector<Candidate> candidates;
  candidates.reserve(static_cast<size_t>(
      std::count_if(weights.begin(), weights.end(), [least](float w) { return w >= least; })));
  std::array<Candidate, kSmallBlock> found;
  for (size_t start = 0; start < weights.size(); start += kSmallBlock) {
    const std::span<const float> block = BlockAt(weights, start, kSmallBlock);
    if (Largest(block) < least) continue;
    size_t count = 0;
    for (size_t i = 0; i < block.size(); ++i) {  // without a branch that is hard to foresee
      found[count] = {logits[start + i], block[i], static_cast<int32_t>(start + i)};
      count += static_cast<size_t>(block[i] >= least);
    }
    candidates.insert(candidates.end(), found.begin(),
                      found.begin() + static_cast<ptrdiff_t>(count));
  }
  return candidates;
}

Ranking::Ranking(std::vector<Candidate> candidates)
    : candidates_(std::move(candidates)), bucket_of_(candidates_.size()) {
  constexpr size_t kFew = 32;
  constexpr size_t kMostBuckets = 4096;
  weights_.resize(std::clamp<size_t>(candidates_.size() / kFew, 1, kMostBuckets));
  float largest = candidates_.front().logit;
  float lowest = largest;
  for (const Candidate& candidate : candidates_) {
    largest = std::max(largest, candidate.logit);
    lowest = std::min(lowest, candidate.logit);
  }
  const double start = largest;
  const double span = start - lowest;
  // Rounding keeps the order: a logit that is not above another never gets a bucket before its.
  const double scale = span > 0 ? static_cast<double>(weights_.size() - 1) / span : 0.0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const auto bucket = static_cast<uint16_t>((start - candidates_[i].logit) * scale);
    bucket_of_[i] = bucket;
    weights_[bucket] += candidates_[i].weight;
  }
  // Rounding may leave the last bucket empty.
  const double lowest_bucket = span * scale;
  weights_.resize(static_cast<size_t>(lowest_bucket) + 1);
}

Ranking::Prefix Ranking::Reaching(double weight) const {
  double before = 0;
  size_t bucket = 0;
  while (bucket + 1 < weights_.size() && before + weights_[bucket] < weight) {
    before += weights_[bucket++];
  }
  std::vector<Candidate> members;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (bucket_of_[i] == bucket) members.push_back(candidates_[i]);
  }
  const size_t count = MoveToFront(members, weight - before);
  for (size_t i = 0; i < count; ++i) before += members[i].weight;
  return {members[count - 1], before};
}

}  // namespace fairlead
