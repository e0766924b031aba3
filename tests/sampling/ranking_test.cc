// The ranking against sorting everything.
#include "runtime/sampling/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace fairlead {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int32_t> Ids(const std::vector<Candidate>& candidates) {
  std::vector<int32_t> ids;
  for (const Candidate& candidate : candidates) ids.push_back(candidate.id);
  return ids;
}

// Logits of many spreads, some with ties, some with outliers.
std::vector<float> RandomLogits(std::mt19937& random, size_t count) {
  std::normal_distribution<float> normal;
  const float spread = std::pow(10.0f, static_cast<float>(random() % 9) - 6.0f);
  const bool ties = random() % 3 == 0;
  std::vector<float> logits(count);
  for (float& logit : logits) {
    logit = spread * (ties ? std::round(2 * normal(random)) : normal(random));
  }
  if (random() % 4 == 0) logits[random() % count] = 60.0f;
  return logits;
}

std::vector<Candidate> Sorted(const std::vector<float>& logits, const Weigher& weigh) {
  std::vector<Candidate> all;
  for (size_t i = 0; i < logits.size(); ++i) {
    all.push_back({logits[i], weigh(logits[i]), static_cast<int32_t>(i)});
  }
  std::sort(all.begin(), all.end(), Before);
  return all;
}

TEST(Ranking, TopKIsTheBeginningOfTheRanking) {
  std::mt19937 random(31);
  for (int round = 0; round < 500; ++round) {
    std::vector<float> logits = RandomLogits(random, 1 + random() % 3000);
    const Weigher weigh{Largest(logits), 1.0f};
    if (round % 2 == 0) {  // most are not allowed
      for (float& logit : logits) logit = random() % 20 == 0 ? logit : -kInfinity;
    }
    std::vector<Candidate> expected = Sorted(logits, weigh);
    std::erase_if(expected, [](const Candidate& c) { return c.logit == -kInfinity; });
    const size_t k = 1 + random() % (round % 3 == 0 ? 4000 : 40);
    expected.resize(std::min(k, expected.size()));
    std::vector<Candidate> top = TopK(logits, k, weigh);
    std::sort(top.begin(), top.end(), Before);
    ASSERT_EQ(Ids(top), Ids(expected)) << "k " << k << " of " << logits.size();
  }
}

TEST(Ranking, AtLeastIsAllThatWeighsEnough) {
  std::mt19937 random(32);
  for (int round = 0; round < 300; ++round) {
    const std::vector<float> logits = RandomLogits(random, 1 + random() % 1000);
    const Weigher weigh{Largest(logits), 1.0f};
    const float least = weigh(logits[random() % logits.size()]);
    std::vector<int32_t> expected;
    for (size_t i = 0; i < logits.size(); ++i) {
      if (weigh(logits[i]) >= least) expected.push_back(static_cast<int32_t>(i));
    }
    EXPECT_EQ(Ids(AtLeast(logits, Weights(logits, weigh), least)), expected);
  }
}

TEST(Ranking, ReachingIsTheShortestBeginningThatWeighsEnough) {
  std::mt19937 random(33);
  for (int round = 0; round < 1000; ++round) {
    const std::vector<float> logits = RandomLogits(random, 1 + random() % 4000);
    const Weigher weigh{Largest(logits), 0.25f + static_cast<float>(random() % 8)};
    const std::vector<Candidate> sorted = Sorted(logits, weigh);
    std::vector<Candidate> shuffled = sorted;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const Ranking ranking(shuffled);

    const size_t wanted = random() % sorted.size();
    double before = 0;
    for (size_t i = 0; i < wanted; ++i) before += sorted[i].weight;
    if (sorted[wanted].weight < 1e-6f) continue;  // lost in the sum's rounding
    const auto prefix = ranking.Reaching(before + 0.5 * sorted[wanted].weight);
    ASSERT_EQ(prefix.last.id, sorted[wanted].id);
    EXPECT_NEAR(prefix.weight, before + sorted[wanted].weight, 1e-9 * before);

    EXPECT_EQ(ranking.Reaching(0.0).last.id, sorted.front().id);
    ASSERT_EQ(ranking.Reaching(std::numeric_limits<double>::infinity()).last.id, sorted.back().id);
  }
}

TEST(Ranking, SumsHaveTheSameBitsEitherWay) {
  std::mt19937 random(34);
  for (int round = 0; round < 100; ++round) {
    const std::vector<float> logits = RandomLogits(random, 1 + random() % 2000);
    const Weigher weigh{Largest(logits), 1.0f};
    EXPECT_EQ(Sum(Weights(logits, weigh)), Sum(BlockWeights(logits, weigh)));
  }
}

}  // namespace
}  // namespace fairlead
