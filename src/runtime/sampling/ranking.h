// The tokens of a distribution from the most to the least likely, without sorting them all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampling/fast_exp.h"

namespace fairlead {

struct Candidate {
  float logit = 0;
  float weight = 0;
  int32_t id = 0;
};

// The ranking of tokens: by logit, equal ones by id.
inline bool Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Turns a logit into a probability up to a common factor; the largest one weighs 1, -infinity 0.
struct Weigher {
  float largest = 0;
  float temperature = 1;

  float operator()(float logit) const {
    // A quotient, not a product with 1 / temperature, which overflows for tiny temperatures.
    return ExpNonPositive((logit - largest) / temperature);
  }
};

// Sums run over blocks of this many logits.
constexpr size_t kWeightBlock = 256;

// The largest of at least one value.
float Largest(std::span<const float> values);
// The weights of all logits; their sums in blocks of kWeightBlock; the sum of all, the same bits
// from one as from the other.
std::vector<float> Weights(std::span<const float> logits, const Weigher& weigh);
std::vector<double> BlockWeights(std::span<const float> logits, const Weigher& weigh);
double Sum(std::span<const float> weights);
double Sum(std::span<const double> block_weights);

// The k >= 1 highest-ranking tokens, in no order; all of them when there are fewer. What is
// -infinity is left out.
std::vector<Candidate> TopK(std::span<const float> logits, size_t k, const Weigher& weigh);
// The tokens that weigh at least `least`, in order of id.
std::vector<Candidate> AtLeast(std::span<const float> logits, std::span<const float> weights,
                               float least);

// Candidates in buckets: those of a bucket rank before those of the next.
class Ranking {
 public:
  // At least one candidate.
  explicit Ranking(std::vector<Candidate> candidates);

  struct Prefix {
    Candidate last;
    double weight = 0;
  };
  // The fewest highest-ranking candidates whose weights together reach `weight`: at least one, at
  // most all.
  Prefix Reaching(double weight) const;

 private:
  std::vector<Candidate> candidates_;
  std::vector<uint16_t> bucket_of_;  // each candidate's
  std::vector<double> weights_;      // each bucket's
};

}  // namespace fairlead
