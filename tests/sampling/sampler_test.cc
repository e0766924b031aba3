// The sampler against exact probabilities and against a plain implementation that sorts everything.
#include "runtime/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "runtime/sampling/fast_exp.h"
#include "runtime/sampling/log_softmax.h"

namespace fairlead {
namespace {

struct Weighted {
  int32_t id;
  double probability;
};

// What is left after temperature, top_k, top_p and min_p, best first, in double precision.
// `slack` is added to top_p, to see whether rounding could decide.
std::vector<Weighted> Filtered(const std::vector<float>& logits, const SamplingParams& params,
                               double slack = 0.0) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  if (params.top_k > 0 && static_cast<size_t>(params.top_k) < order.size()) {
    order.resize(static_cast<size_t>(params.top_k));
  }
  const auto normalised = [&] {
    std::vector<Weighted> result;
    double total = 0;
    for (int32_t id : order) {
      const double x = (double{logits[id]} - logits[order[0]]) / params.temperature;
      result.push_back({id, std::exp(x)});
      total += result.back().probability;
    }
    for (Weighted& weighted : result) weighted.probability /= total;
    return result;
  };
  if (params.top_p < 1.0f) {
    const std::vector<Weighted> all = normalised();
    double sum = 0;
    size_t kept = 0;
    while (kept < all.size() && (kept == 0 || sum < params.top_p + slack)) {
      sum += all[kept++].probability;
    }
    order.resize(kept);
  }
  std::vector<Weighted> result = normalised();
  const double least = double{params.min_p} * (1.0 - slack) * result[0].probability;
  while (result.size() > 1 && result.back().probability < least) {
    result.pop_back();
    order.pop_back();
  }
  return normalised();
}

// The token at which the running sum passes `uniform`.
int32_t PickAt(const std::vector<Weighted>& tokens, double uniform) {
  double sum = 0;
  for (const Weighted& token : tokens) {
    sum += token.probability;
    if (sum > uniform) return token.id;
  }
  return tokens.back().id;
}

std::vector<float> RandomLogits(std::mt19937& random, size_t count, float spread, bool ties) {
  std::normal_distribution<float> normal;
  std::vector<float> logits;
  for (size_t i = 0; i < count; ++i) {
    const float value = spread * normal(random);
    logits.push_back(ties ? std::round(value) : value);
  }
  return logits;
}

// Chi-square of `counts` against the probabilities; tokens that may not occur must not.
double ChiSquare(const std::vector<Weighted>& tokens, const std::vector<int>& counts, int draws) {
  double sum = 0;
  int seen = 0;
  for (const Weighted& token : tokens) {
    const double expected = token.probability * draws;
    const double difference = counts[static_cast<size_t>(token.id)] - expected;
    sum += difference * difference / expected;
    seen += counts[static_cast<size_t>(token.id)];
  }
  EXPECT_EQ(seen, draws) << "a filtered token was chosen";
  return sum;
}

// Above the 99.9% quantile of chi-square with `degrees` degrees of freedom (Wilson and Hilferty).
double ChiSquareLimit(double degrees) {
  const double t = 2.0 / (9.0 * degrees);
  return degrees * std::pow(1.0 - t + 3.0902 * std::sqrt(t), 3.0);
}

TEST(Sampler, DrawsFollowTheExactDistribution) {
  const std::vector<float> logits = {1.0f, 0.5f, -0.25f, 2.0f, 1.0f, 0.0f, -1.0f, 1.5f, 0.5f, 2.0f};
  const SamplingParams cases[] = {
      {},
      {.temperature = 0.6f},
      {.temperature = 3.0f},
      {.top_k = 4},
      {.top_k = 6},  // cuts between the two equal logits 1.0 and after them
      {.top_p = 0.7f},
      {.min_p = 0.2f},
      {.temperature = 1.7f, .top_k = 8, .top_p = 0.9f, .min_p = 0.15f},
  };
  constexpr int kDraws = 30000;
  for (SamplingParams params : cases) {
    for (uint64_t seed : {0ull, 0xdeadbeefdeadbeefull}) {
      params.seed = seed;
      SCOPED_TRACE(fmt::format("T {} k {} p {} m {} seed {}", params.temperature, params.top_k,
                               params.top_p, params.min_p, seed));
      const std::vector<Weighted> exact = Filtered(logits, params);
      std::vector<int> counts(logits.size());
      for (int position = 0; position < kDraws; ++position) {
        ++counts[static_cast<size_t>(Sample(logits, params, position).value())];
      }
      EXPECT_LT(ChiSquare(exact, counts, kDraws),
                ChiSquareLimit(static_cast<double>(exact.size()) - 1));
    }
  }
}

TEST(Sampler, FiltersChooseWhatSortingEverythingChooses) {
  std::mt19937 random(5);
  int checked = 0;
  int doubtful = 0;
  for (int round = 0; round < 3000; ++round) {
    const size_t sizes[] = {1, 2, 15, 64, 65, 300, 5000};
    const bool ties = random() % 2 == 0;
    const std::vector<float> logits = RandomLogits(random, sizes[random() % std::size(sizes)],
                                                   static_cast<float>(random() % 5), ties);
    SamplingParams params;
    params.temperature = 0.25f + static_cast<float>(random() % 8) / 4.0f;
    if (random() % 2 == 0) params.top_k = static_cast<int>(random() % 400);
    if (random() % 2 == 0) params.top_p = static_cast<float>(1 + random() % 99) / 100.0f;
    if (random() % 2 == 0) params.min_p = static_cast<float>(random() % 100) / 99.0f;
    if (params.top_k == 0 && params.top_p == 1.0f && params.min_p == 0.0f) continue;
    params.seed = random();
    const double uniform = UniformAt(params.seed, round);
    const std::vector<Weighted> kept = Filtered(logits, params);
    constexpr double kRounding = 1e-5;
    const int32_t expected = PickAt(kept, uniform);
    const bool clear = Filtered(logits, params, kRounding).size() == kept.size() &&
                       Filtered(logits, params, -kRounding).size() == kept.size() &&
                       PickAt(kept, uniform - kRounding) == expected &&
                       PickAt(kept, uniform + kRounding) == expected;
    if (!clear) {
      ++doubtful;
      continue;
    }
    ++checked;
    ASSERT_EQ(Sample(logits, params, round).value(), expected)
        << fmt::format("n {} T {} k {} p {} m {} ties {}", logits.size(), params.temperature,
                       params.top_k, params.top_p, params.min_p, ties);
  }
  EXPECT_GT(checked, 1500);
  EXPECT_LT(doubtful, 400);
}

TEST(Sampler, WithoutFiltersTheDrawWalksTheVocabularyInOrder) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    const std::vector<float> logits = RandomLogits(random, 1 + random() % 3000, 3.0f, false);
    SamplingParams params;
    params.seed = random();
    std::vector<Weighted> tokens = Filtered(logits, params);
    std::sort(tokens.begin(), tokens.end(),
              [](const Weighted& a, const Weighted& b) { return a.id < b.id; });
    const double uniform = UniformAt(params.seed, 9);
    if (PickAt(tokens, uniform - 1e-5) != PickAt(tokens, uniform + 1e-5)) continue;
    EXPECT_EQ(Sample(logits, params, 9).value(), PickAt(tokens, uniform));
  }
}

TEST(Sampler, GreedyTakesTheLowestIdOfTheLargestLogit) {
  const SamplingParams greedy{.temperature = 0.0f, .top_k = 3, .top_p = 0.1f, .seed = 4};
  EXPECT_EQ(Sample(std::vector<float>{0, 3, -1, 3, 3}, greedy, 0).value(), 1);
  EXPECT_EQ(Sample(std::vector<float>(200, -5.0f), greedy, 0).value(), 0);
  EXPECT_EQ(Sample(std::vector<float>{-0.0f, 0.0f}, greedy, 0).value(), 0);
  std::vector<float> late(201088, 0.0f);
  late[201087] = late[150000] = 1.0f;
  EXPECT_EQ(Sample(late, greedy, 0).value(), 150000);
}

TEST(Sampler, TopKOneAndTinyTopPAndMinPOneAreGreedyToo) {
  const std::vector<float> logits = {0, 3, -1, 3, 2};
  for (int64_t position = 0; position < 50; ++position) {
    EXPECT_EQ(Sample(logits, {.top_k = 1}, position).value(), 1);
    EXPECT_EQ(Sample(logits, {.top_p = 1e-6f}, position).value(), 1);
    const int32_t token = Sample(logits, {.min_p = 1.0f}, position).value();
    EXPECT_TRUE(token == 1 || token == 3) << "both are as likely as the likeliest";
  }
}

TEST(Sampler, ExtremeTemperaturesAndLogitsStayInRange) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const std::vector<float> wide = {-kMost, kMost, 0.0f, -1.0f};
  for (float temperature : {1e-45f, 1e-30f, 1e-3f, 1.0f}) {
    for (float top_p : {0.5f, 1.0f}) {
      EXPECT_EQ(Sample(wide, {.temperature = temperature, .top_p = top_p}, 3).value(), 1);
    }
  }
  std::vector<int> counts(4);
  for (int64_t position = 0; position < 40000; ++position) {
    const std::vector<float> logits = {-3.0f, 5.0f, 0.0f, 1.0f};
    ++counts[static_cast<size_t>(Sample(logits, {.temperature = kMost}, position).value())];
  }
  for (int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(Sampler, TheSameSeedAndPositionGiveTheSameTokenWhateverCameBefore) {
  std::mt19937 random(8);
  const std::vector<float> logits = RandomLogits(random, 500, 1.0f, false);
  std::vector<int32_t> forward;
  for (int64_t p = 0; p < 100; ++p) forward.push_back(Sample(logits, {.seed = 3}, p).value());
  int differences = 0;
  for (int64_t p = 99; p >= 0; --p) {
    EXPECT_EQ(Sample(logits, {.seed = 3}, p).value(), forward[static_cast<size_t>(p)]);
    differences += Sample(logits, {.seed = 4}, p).value() != forward[static_cast<size_t>(p)];
  }
  EXPECT_GT(differences, 80);
}

TEST(Sampler, TheRandomNumbersAreThoseOfSplitMix64) {
  // Computed apart from this program with integers of Python.
  EXPECT_EQ(UniformAt(0, 0), 0x1.4e0dba5e9a32fp-1);
  EXPECT_EQ(UniformAt(7, 1234567), 0x1.166d0f883b56cp-2);
  EXPECT_EQ(UniformAt(~0ull, 1), 0x1.7b4acd1403ae0p-1);
}

TEST(Sampler, TheRandomNumbersAreUniformOverPositionsAndOverSeeds) {
  constexpr int kBins = 256;
  constexpr int kDraws = 256000;
  std::vector<int> by_position(kBins), by_seed(kBins), by_pair(kBins);
  for (int i = 0; i < kDraws; ++i) {
    const auto seed = static_cast<uint64_t>(i);
    ++by_position[static_cast<size_t>(UniformAt(1, i) * kBins)];
    ++by_seed[static_cast<size_t>(UniformAt(seed, 1) * kBins)];
    const auto first = static_cast<size_t>(UniformAt(seed, 5) * 16);
    ++by_pair[first * 16 + static_cast<size_t>(UniformAt(seed + 1, 4) * 16)];
  }
  for (const std::vector<int>& counts : {by_position, by_seed, by_pair}) {
    double sum = 0;
    for (int count : counts) sum += std::pow(count - kDraws / kBins, 2) / (kDraws / kBins);
    EXPECT_LT(sum, ChiSquareLimit(kBins - 1));
  }
}

TEST(Sampler, LogitsThatAreNotFiniteAreAnError) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float bad : {std::nanf(""), -std::nanf(""), kInfinity, -kInfinity}) {
    for (size_t where : {0u, 17u, 499u}) {
      std::vector<float> logits(500, 1.0f);
      logits[where] = bad;
      for (const SamplingParams& params :
           {SamplingParams{.temperature = 0.0f}, SamplingParams{}, SamplingParams{.top_k = 5}}) {
        const Result<int32_t> token = Sample(logits, params, 0);
        ASSERT_FALSE(token);
        EXPECT_EQ(token.error().code, ErrorCode::kInvalidData);
        EXPECT_EQ(token.error().message,
                  fmt::format("[sampler] logit of token {}: expected a finite number, got {}",
                              where, bad));
      }
    }
  }
  EXPECT_FALSE(Sample({}, {}, 0));
}

TEST(Sampler, ParametersOutOfRangeAreRefusedByName) {
  constexpr int64_t kVocabulary = 100;
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  const std::pair<SamplingParams, std::string_view> cases[] = {
      {{.temperature = -0.1f}, "temperature: expected a finite number of at least 0, got -0.1"},
      {{.temperature = nan}, "temperature: expected a finite number of at least 0, got nan"},
      {{.temperature = infinity}, "temperature: expected a finite number of at least 0, got inf"},
      {{.top_k = -1}, "top_k: expected at least 0, got -1"},
      {{.top_p = 0.0f}, "top_p: expected above 0 and at most 1, got 0"},
      {{.top_p = 1.01f}, "top_p: expected above 0 and at most 1, got 1.01"},
      {{.top_p = nan}, "top_p: expected above 0 and at most 1, got nan"},
      {{.min_p = -0.5f}, "min_p: expected 0 to 1, got -0.5"},
      {{.min_p = 1.5f}, "min_p: expected 0 to 1, got 1.5"},
      {{.min_p = nan}, "min_p: expected 0 to 1, got nan"},
      {{.repetition_penalty = 0.0f}, "repetition_penalty: expected a finite number above 0, got 0"},
      {{.repetition_penalty = -1.0f},
       "repetition_penalty: expected a finite number above 0, got -1"},
      {{.repetition_penalty = infinity},
       "repetition_penalty: expected a finite number above 0, got inf"},
      {{.repetition_penalty = nan},
       "repetition_penalty: expected a finite number above 0, got nan"},
      {{.presence_penalty = 101.0f}, "presence_penalty: expected -100 to 100, got 101"},
      {{.presence_penalty = nan}, "presence_penalty: expected -100 to 100, got nan"},
      {{.frequency_penalty = -100.5f}, "frequency_penalty: expected -100 to 100, got -100.5"},
      {{.frequency_penalty = infinity}, "frequency_penalty: expected -100 to 100, got inf"},
      {{.logit_bias = {{5, 101.0f}}}, "logit_bias of token 5: expected -100 to 100, got 101"},
      {{.logit_bias = {{5, nan}}}, "logit_bias of token 5: expected -100 to 100, got nan"},
      {{.logit_bias = {{-1, 1.0f}}}, "logit_bias: expected token ids 0 to 99, got -1"},
      {{.logit_bias = {{5, 1.0f}, {100, 1.0f}}}, "logit_bias: expected token ids 0 to 99, got 100"},
      {{.logit_bias = {{5, 1.0f}, {7, 1.0f}, {5, 2.0f}}},
       "logit_bias: expected every token once, got token 5 twice"},
  };
  for (const auto& [params, message] : cases) {
    const Status status = ValidateSampling(params, kVocabulary);
    ASSERT_FALSE(status) << message;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(status.error().message, fmt::format("[sampler] {}", message));
  }
  EXPECT_TRUE(ValidateSampling({}, kVocabulary));
  EXPECT_TRUE(ValidateSampling({.repetition_penalty = 1e-30f,
                                .presence_penalty = -100.0f,
                                .frequency_penalty = 100.0f,
                                .logit_bias = {{99, -100.0f}, {0, 100.0f}}},
                               kVocabulary));
  EXPECT_TRUE(ValidateSampling({.temperature = 0.0f, .top_k = 1, .top_p = 1e-9f, .min_p = 1.0f},
                               kVocabulary));
}

TEST(LogSoftmax, IsTheLogOfTheSoftmax) {
  std::mt19937 random(9);
  const std::vector<float> logits = RandomLogits(random, 1000, 4.0f, false);
  double sum = 0;
  for (int32_t id = 0; id < 1000; ++id) {
    sum += std::exp(static_cast<double>(LogSoftmax(logits)(logits[static_cast<size_t>(id)])));
  }
  EXPECT_NEAR(sum, 1.0, 1e-5);
  EXPECT_FLOAT_EQ(LogSoftmax(std::vector<float>(8, -3.0f))(-3.0f), -std::log(8.0f));
}

TEST(FastExp, IsExactEnoughOverItsWholeRange) {
  double worst = 0;
  for (float x = -87.0f; x <= 0.0f; x += 1.0f / 4096.0f) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(ExpNonPositive(x) - exact) / exact);
  }
  EXPECT_LT(worst, 2e-7);
  EXPECT_EQ(ExpNonPositive(0.0f), 1.0f);
  EXPECT_EQ(ExpNonPositive(-87.5f), 0.0f);
  EXPECT_EQ(ExpNonPositive(-std::numeric_limits<float>::infinity()), 0.0f);
}

}  // namespace
}  // namespace fairlead
