// Sampling with what came before: against Hugging Face's logits processors and plain formulas.
#include "runtime/sampling/sequence_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "runtime/sampling/log_softmax.h"

namespace fairlead {
namespace {

constexpr float kMost = std::numeric_limits<float>::max();

using Tokens = std::vector<int32_t>;

std::vector<float> RandomLogits(std::mt19937& random, size_t count, float spread) {
  std::normal_distribution<float> normal;
  std::vector<float> logits(count);
  for (float& logit : logits) logit = spread * normal(random);
  return logits;
}

TokenSet SetOf(int64_t vocabulary_size, const Tokens& tokens) {
  TokenSet set(vocabulary_size);
  for (const int32_t token : tokens) set.Add(token);
  return set;
}

// Every way of choosing: greedy, plain, by each filter, by all.
std::vector<SamplingParams> EveryMode() {
  return {
      {.temperature = 0.0f}, {},
      {.temperature = 1e4f}, {.top_k = 3},
      {.top_k = 50},         {.top_p = 0.9f},
      {.top_p = 0.999999f},  {.min_p = 0.01f},
      {.min_p = 1e-30f},     {.temperature = 0.7f, .top_k = 40, .top_p = 0.95f, .min_p = 0.02f}};
}

struct Golden {
  explicit Golden(const Json& json)
      : params{.temperature = json.value("temperature", 1.0f),
               .top_k = json.value("top_k", 0),
               .top_p = json.value("top_p", 1.0f),
               .min_p = json.value("min_p", 0.0f),
               .seed = json.at("seed").get<uint64_t>(),
               .repetition_penalty = json.value("repetition_penalty", 1.0f)},
        prompt(json.at("prompt").get<Tokens>()),
        answer(json.at("answer").get<Tokens>()),
        banned(json.value("banned", Tokens{})),
        kept(json.at("kept").get<std::vector<std::pair<int32_t, double>>>()) {
    for (const Json& value : json.at("logits_times_64")) logits.push_back(value.get<float>() / 64);
    for (const Json& bias : json.value("logit_bias", Json::array())) {
      params.logit_bias.push_back({bias.at(0).get<int32_t>(), bias.at(1).get<float>()});
    }
    if (json.contains("allowed")) {
      allowed = SetOf(static_cast<int64_t>(logits.size()), json.at("allowed").get<Tokens>());
    }
    // Without filters the draw walks the tokens by id, else from the most likely on.
    if (params.top_k > 0 || params.top_p < 1.0f || params.min_p > 0.0f) {
      std::sort(kept.begin(), kept.end(),
                [](const auto& a, const auto& b) { return a.second > b.second; });
    }
  }

  // The token at which the running sum passes `uniform`.
  int32_t PickAt(double uniform) const {
    double sum = 0;
    for (const auto& [token, probability] : kept) {
      sum += probability;
      if (sum > uniform) return token;
    }
    return kept.back().first;
  }

  std::vector<float> logits;
  SamplingParams params;
  Tokens prompt;
  Tokens answer;
  std::optional<TokenSet> allowed;
  Tokens banned;
  std::vector<std::pair<int32_t, double>> kept;
};

std::vector<Json> Goldens() {
  const std::filesystem::path path = FAIRLEAD_TEST_DATA "/sampling/chains.jsonl";
  const std::string text = ReadFile(path, "test", size_t{1} << 20).value();
  std::vector<Json> lines;
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    lines.push_back(Json::parse(text.substr(begin, text.find('\n', begin) - begin)));
  }
  return lines;
}

TEST(SequenceSampler, DrawsWhatHuggingFacesProcessorsLeave) {
  constexpr double kRounding = 1e-4;  // of the goldens, and of sums in float32
  int lines = 0;
  int64_t checked = 0;
  size_t never_drawn = 0;
  for (const Json& json : Goldens()) {
    const Golden golden(json);
    ASSERT_TRUE(ValidateSampling(golden.params, static_cast<int64_t>(golden.logits.size())));
    SequenceSampler sampler(golden.params, golden.prompt);
    for (const int32_t token : golden.answer) sampler.Accept(token);
    const SampleRules rules{.allowed = golden.allowed ? &*golden.allowed : nullptr,
                            .banned = golden.banned};
    std::set<int32_t> drawn;
    for (int64_t position = 0; position < 300; ++position) {
      std::vector<float> logits = golden.logits;
      const int32_t token = sampler.Sample(logits, position, rules).value().token;
      drawn.insert(token);
      const double uniform = UniformAt(golden.params.seed, position);
      if (golden.PickAt(uniform - kRounding) != golden.PickAt(uniform + kRounding)) continue;
      ++checked;
      ASSERT_EQ(token, golden.PickAt(uniform)) << "line " << lines << ": " << json.dump();
    }
    for (const auto& [token, probability] : golden.kept) {
      if (probability > 0.05) never_drawn += 1 - drawn.count(token);
    }
    ++lines;
  }
  EXPECT_EQ(lines, 300);
  EXPECT_GT(checked, 80000);
  EXPECT_EQ(never_drawn, 0u);
}

TEST(SequenceSampler, NeutralParametersDrawWhatSampleDraws) {
  std::mt19937 random(21);
  for (const SamplingParams& params : EveryMode()) {
    const Tokens prompt = {1, 2, 3};
    SequenceSampler sampler(params, prompt);
    for (int64_t position = 0; position < 50; ++position) {
      std::vector<float> logits = RandomLogits(random, 1 + random() % 3000, 2.0f);
      const int32_t expected = Sample(logits, params, position).value();
      EXPECT_EQ(sampler.Sample(logits, position, {}).value().token, expected);
      sampler.Accept(expected);
    }
  }
}

TEST(SequenceSampler, PenaltiesOfTheAnswerFollowOpenAisFormula) {
  std::mt19937 random(22);
  for (int round = 0; round < 300; ++round) {
    const std::vector<float> logits = RandomLogits(random, 30, 2.0f);
    SamplingParams params;
    params.seed = random();
    params.presence_penalty = static_cast<float>(static_cast<int>(random() % 9) - 4) / 2.0f;
    params.frequency_penalty = static_cast<float>(static_cast<int>(random() % 9) - 4) / 2.0f;
    SequenceSampler sampler(params, Tokens{0, 1, 2, 3, 4, 5, 6, 7, 7, 7});  // looked at by neither
    std::map<int32_t, int> counts;
    for (int i = 0; i < 12; ++i) {
      const auto token = static_cast<int32_t>(random() % 10);
      sampler.Accept(token);
      ++counts[token];
    }
    // mu[j] -> mu[j] - c[j] * alpha_frequency - float(c[j] > 0) * alpha_presence
    std::vector<float> changed = logits;
    for (const auto& [token, count] : counts) {
      changed[static_cast<size_t>(token)] -= static_cast<float>(count) * params.frequency_penalty;
      changed[static_cast<size_t>(token)] -= params.presence_penalty;
    }
    for (int64_t position = 0; position < 100; ++position) {
      std::vector<float> row = logits;
      EXPECT_EQ(sampler.Sample(row, position, {}).value().token,
                Sample(changed, params, position).value());
    }
    std::vector<float> row = logits;
    ASSERT_TRUE(sampler.Sample(row, 0, {}));
    EXPECT_EQ(row, changed);
  }
}

TEST(SequenceSampler, TheRepetitionPenaltyCountsATokenOnceWhereverItIs) {
  const SamplingParams params{.temperature = 0.0f, .repetition_penalty = 2.0f};
  SequenceSampler sampler(params, Tokens{3, 0, 3});
  for (const int32_t token : {0, 1, 1}) sampler.Accept(token);
  std::vector<float> row = {4.0f, -3.0f, 5.0f, 8.0f};
  EXPECT_EQ(sampler.Sample(row, 6, {}).value().token, 2);
  EXPECT_EQ(row, (std::vector<float>{2.0f, -6.0f, 5.0f, 4.0f}));
}

TEST(SequenceSampler, AdjustmentsRunInTheirOrder) {
  const SamplingParams params{.temperature = 0.0f,
                              .repetition_penalty = 2.0f,
                              .presence_penalty = 1.0f,
                              .frequency_penalty = 0.5f,
                              .logit_bias = {{0, 3.0f}, {1, -4.0f}, {2, 100.0f}}};
  SequenceSampler sampler(params, Tokens{1});
  for (const int32_t token : {0, 0}) sampler.Accept(token);
  std::vector<float> row = {5.0f, 2.0f, 0.0f, 1.0f};
  const TokenSet allowed = SetOf(4, {0, 1, 2});
  const Tokens banned = {2};
  EXPECT_EQ(sampler.Sample(row, 3, {.allowed = &allowed, .banned = banned}).value().token, 0);
  EXPECT_EQ(row[0], (5.0f + 3.0f) / 2.0f - 2 * 0.5f - 1.0f);
  EXPECT_EQ(row[1], (2.0f - 4.0f) * 2.0f);
  EXPECT_EQ(row[2], -std::numeric_limits<float>::infinity()) << "whatever its bias";
  EXPECT_EQ(row[3], -std::numeric_limits<float>::infinity());
}

TEST(SequenceSampler, FiniteLogitsStayFinite) {
  for (const float penalty : {1e-38f, 1e38f}) {
    const SamplingParams params{.repetition_penalty = penalty,
                                .presence_penalty = 100.0f,
                                .frequency_penalty = 100.0f,
                                .logit_bias = {{0, 100.0f}, {1, -100.0f}}};
    SequenceSampler sampler(params, Tokens{0, 1, 2, 3});
    for (const int32_t token : {0, 1, 2, 3}) sampler.Accept(token);
    std::vector<float> row = {kMost, -kMost, 1e30f, -1e30f, 0.0f};
    EXPECT_TRUE(sampler.Sample(row, 0, {}));
    EXPECT_TRUE(std::all_of(row.begin(), row.end(), [](float l) { return std::isfinite(l); }));
  }
}

TEST(SequenceSampler, WhatIsNotAllowedIsNeverChosen) {
  std::mt19937 random(23);
  for (const SamplingParams& mode : EveryMode()) {
    for (int round = 0; round < 200; ++round) {
      const size_t size = 2 + random() % 700;
      std::vector<float> logits = RandomLogits(random, size, 3.0f);
      if (round % 5 == 0) std::fill(logits.begin(), logits.end(), -kMost);
      if (round % 5 == 1) logits[random() % size] = kMost;
      Tokens allowed;
      const size_t wanted = 1 + random() % (round % 2 == 0 ? 3 : size);
      for (size_t i = 0; i < wanted; ++i) allowed.push_back(static_cast<int32_t>(random() % size));
      // Where the allowed ones are as unlikely as can be, too.
      if (round % 3 == 0) {
        for (const int32_t token : allowed) logits[static_cast<size_t>(token)] = -kMost;
      }
      Tokens banned;
      for (const int32_t token : allowed) {
        if (token != allowed[0] && random() % 2 == 0) banned.push_back(token);
      }
      TokenSet left = SetOf(static_cast<int64_t>(size), allowed);
      const TokenSet set = left;
      for (const int32_t token : banned) left.Remove(token);
      SamplingParams params = mode;
      params.seed = random();
      SequenceSampler sampler(params, {});
      for (int64_t position = 0; position < 10; ++position) {
        std::vector<float> row = logits;
        const auto sampled = sampler.Sample(row, position, {.allowed = &set, .banned = banned});
        ASSERT_TRUE(sampled);
        ASSERT_TRUE(left.Contains(sampled->token)) << sampled->token << " of " << size;
      }
    }
  }
}

TEST(SequenceSampler, TheLastDrawOfAllIsAllowedToo) {
  // Found by search: so near to 1 that the sum's rounding decides whether it is passed.
  constexpr int64_t kPosition = 217208746;
  ASSERT_GT(UniformAt(1, kPosition), 1.0 - 2e-9);
  std::mt19937 random(26);
  for (int round = 0; round < 100; ++round) {
    std::vector<float> logits = RandomLogits(random, 256, 1.0f);
    const TokenSet allowed = [] {
      TokenSet set(256);
      for (int32_t token = 0; token < 150; ++token) set.Add(token);
      return set;
    }();
    SequenceSampler sampler({.seed = 1}, {});
    EXPECT_LT(sampler.Sample(logits, kPosition, {.allowed = &allowed}).value().token, 150);
  }
}

TEST(SequenceSampler, EveryAllowedTokenCanBeChosen) {
  const Tokens allowed = {0, 63, 64, 127, 128, 200};
  const TokenSet set = SetOf(201, allowed);
  for (const SamplingParams& params : {SamplingParams{}, SamplingParams{.top_k = 150}}) {
    SequenceSampler sampler(params, {});
    std::set<int32_t> drawn;
    for (int64_t position = 0; position < 300; ++position) {
      std::vector<float> row(201, 1.0f);
      drawn.insert(sampler.Sample(row, position, {.allowed = &set}).value().token);
    }
    EXPECT_EQ(Tokens(drawn.begin(), drawn.end()), allowed);
  }
}

TEST(SequenceSampler, NoTokenLeftIsAnErrorOfOneLine) {
  const TokenSet none(70);
  const TokenSet one = SetOf(70, {69});
  const Tokens banned = {69};
  for (const SamplingParams& params : EveryMode()) {
    SequenceSampler sampler(params, {});
    for (const SampleRules& rules :
         {SampleRules{.allowed = &none}, SampleRules{.allowed = &one, .banned = banned}}) {
      std::vector<float> row(70, 1.0f);
      const auto sampled = sampler.Sample(row, 7, rules);
      ASSERT_FALSE(sampled);
      EXPECT_EQ(sampled.error().code, ErrorCode::kInvalidData);
      EXPECT_EQ(sampled.error().message,
                "[sampler] position 7: expected a token that may be chosen, got none");
    }
  }
}

TEST(SequenceSampler, LogitsThatAreNotFiniteAreAnErrorEvenWhereNothingIsAllowed) {
  const TokenSet allowed = SetOf(6, {1});
  SequenceSampler sampler({.logit_bias = {{4, 1.0f}}}, {});
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    std::vector<float> row = {0.0f, 0.0f, 0.0f, 0.0f, bad, 0.0f};
    const auto sampled = sampler.Sample(row, 0, {.allowed = &allowed, .logprobs = true});
    ASSERT_FALSE(sampled);
    EXPECT_EQ(sampled.error().code, ErrorCode::kInvalidData);
    EXPECT_EQ(sampled.error().message,
              fmt::format("[sampler] logit of token 4: expected a finite number, got {}", bad));
  }
  EXPECT_FALSE(sampler.Sample({}, 0, {}));
}

TEST(SequenceSampler, LogProbabilitiesAreTheModelsOwn) {
  std::mt19937 random(24);
  for (int round = 0; round < 100; ++round) {
    const size_t size = 3 + random() % 500;
    std::vector<float> logits = RandomLogits(random, size, 3.0f);
    for (float& logit : logits) logit = std::round(logit * 4) / 4;  // ties
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    Tokens order(size);
    for (size_t i = 0; i < size; ++i) order[i] = static_cast<int32_t>(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });

    const int32_t unlikely = order.back();
    const TokenSet allowed = SetOf(static_cast<int64_t>(size), {unlikely});
    SequenceSampler sampler({.temperature = 0.5f,
                             .top_k = 2,
                             .repetition_penalty = 3.0f,
                             .logit_bias = {{order[0], -50.0f}, {unlikely, 7.0f}}},
                            Tokens{order[1]});
    const int wanted = static_cast<int>(random() % 30);
    std::vector<float> row = logits;
    const SampledToken sampled =
        sampler.Sample(row, 0, {.allowed = &allowed, .logprobs = true, .top_logprobs = wanted})
            .value();
    EXPECT_EQ(sampled.token, unlikely);
    const auto exact = [&](int32_t token) { return logits[token] - std::log(sum); };
    EXPECT_NEAR(sampled.logprob.value(), exact(unlikely), 1e-5);
    ASSERT_EQ(sampled.top_logprobs.size(), std::min(static_cast<size_t>(wanted), size));
    for (size_t i = 0; i < sampled.top_logprobs.size(); ++i) {
      EXPECT_EQ(sampled.top_logprobs[i].token, order[i]);
      EXPECT_NEAR(sampled.top_logprobs[i].logprob, exact(order[i]), 1e-5);
    }
  }
}

TEST(SequenceSampler, WithoutLogprobsNoneAreGiven) {
  SequenceSampler sampler({}, {});
  std::vector<float> row(10, 1.0f);
  const SampledToken sampled = sampler.Sample(row, 0, {.top_logprobs = 5}).value();
  EXPECT_EQ(sampled.logprob, std::nullopt);
  EXPECT_TRUE(sampled.top_logprobs.empty());
}

TEST(LogSoftmax, OfLogitsFarApartIsFinite) {
  const std::vector<float> logits = {kMost, -kMost};
  const LogSoftmax log_softmax(logits);
  EXPECT_EQ(log_softmax(kMost), 0.0f);
  EXPECT_EQ(log_softmax(-kMost), -kMost);
}

TEST(LogitAdjustments, KeepOnlyLeavesExactlyTheSet) {
  std::mt19937 random(25);
  for (int round = 0; round < 500; ++round) {
    const size_t size = 1 + random() % 300;
    // Sets that end before the vocabulary does: the tokens past their end are not in them.
    const size_t known = round % 4 == 0 ? 1 + random() % size : size;
    TokenSet set(static_cast<int64_t>(known));
    for (size_t i = 0; i < known; ++i) {
      const bool whole_word = (i / 64 + static_cast<size_t>(round)) % 3 == 0;  // all or nothing
      if (whole_word ? round % 2 == 0 : random() % 2 == 0) set.Add(static_cast<int32_t>(i));
    }
    std::vector<float> logits = RandomLogits(random, size, 1.0f);
    const std::vector<float> before = logits;
    KeepOnly(logits, set);
    for (size_t i = 0; i < size; ++i) {
      const bool kept = i < known && set.Contains(static_cast<int32_t>(i));
      ASSERT_EQ(logits[i], kept ? before[i] : -std::numeric_limits<float>::infinity()) << i;
    }
  }
}

}  // namespace
}  // namespace fairlead
