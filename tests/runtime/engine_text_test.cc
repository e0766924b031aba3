// Stop strings, constraints and speculation: what an answer says, and that drafts never change it.
#include <gtest/gtest.h>

#include <regex>

#include "runtime/constraint/automaton_constraint.h"
#include "runtime/constraint/vocabulary_trie.h"
#include "runtime/ngram_drafter.h"
#include "tests/runtime/fake_answers.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead::testing {
namespace {

// The fake model's 50 tokens are the bytes 0 to 49: space is 32, '!' 33, '0' 48, '1' 49.
class EngineText : public ::testing::Test {
 protected:
  EngineOptions Options() const {
    EngineOptions options;
    options.tokenizer = tokenizer_;
    options.drafter = drafter_;
    return options;
  }
  std::shared_ptr<const TokenConstraint> Regex(std::string_view pattern) const {
    return CompileRegexConstraint(pattern, VocabularyTrie::Build(tokenizer_), kFakeVocabulary)
        .value();
  }
  Collected Ask(const Request& request, EngineStatistics* statistics = nullptr) {
    FakeExecutor executor({.max_rows = 64, .max_slots = 2});
    executor.change_logits = change_logits_;
    const std::unique_ptr<Engine> engine = EngineOn(executor, Options());
    Collector collector;
    const RequestId id = collector.Submit(*engine, request);
    Drain(*engine);
    if (statistics != nullptr) *statistics = engine->statistics();
    return collector.of(id);
  }

  Tokenizer::Pointer tokenizer_ = Tokenizer::FromJsonText(SmallTokenizer().dump(), "small").value();
  std::shared_ptr<const Drafter> drafter_ = std::make_shared<NgramDrafter>();
  ChangeLogits change_logits_;
};

// Makes the model say a text over and over.
ChangeLogits Says(std::string text) {
  return [text](const std::vector<int32_t>& seen, std::span<float> logits) {
    logits[static_cast<size_t>(text[seen.size() % text.size()])] += 1000.0f;
  };
}

TEST_F(EngineText, ATextEndsBeforeItsStopString) {
  change_logits_ = Says("01#$!01");  // position p says text[p % 7]
  Request request{.prompt = {48}, .max_tokens = 40, .ignore_eos = true};
  request.stop_strings = {"!010", "$!0111"};
  const Collected answer = Ask(request);
  EXPECT_EQ(answer.text, "1#$");
  EXPECT_EQ(answer.stop_string, "!010");
  EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
  EXPECT_EQ(answer.tokens.size(), 7u);  // the stop string's tokens are reported
}

TEST_F(EngineText, WhatOnlyLookedLikeAStopStringIsSaidInTheEnd) {
  change_logits_ = Says("01#$!01");
  Request request{.prompt = {48}, .max_tokens = 5, .ignore_eos = true};
  request.stop_strings = {"!0100"};
  const Collected answer = Ask(request);
  EXPECT_EQ(answer.text, "1#$!0");
  EXPECT_EQ(answer.finish_reason, FinishReason::kLength);
  EXPECT_EQ(answer.stop_string, std::nullopt);
}

TEST_F(EngineText, StopStringsBeforeMinTokensDoNotCount) {
  change_logits_ = Says("01#$!01");  // its tokens are 1#$!0101#$!0101...
  for (const auto& [least, text] :
       {std::pair(5, "1#$!"), {6, "1#$!01"}, {7, "1#$!01"}, {8, "1#$!0101#$!"}}) {
    Request request{.prompt = {48}, .max_tokens = 30, .min_tokens = least, .ignore_eos = true};
    request.stop_strings = {"01"};
    const Collected answer = Ask(request);
    EXPECT_EQ(answer.text, text) << least;
    EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
  }
}

TEST_F(EngineText, TheEndOfAConstraintComesBeforeMinTokens) {
  for (const bool ignore_eos : {false, true}) {
    for (const auto& [pattern, text] : {std::pair("", ""), {"10", "10"}}) {
      Request request{.prompt = {1}, .max_tokens = 9, .min_tokens = 4, .ignore_eos = ignore_eos};
      request.constraint = Regex(pattern);
      const Collected answer = Ask(request);
      EXPECT_EQ(answer.text, text);
      EXPECT_EQ(answer.finish_reason, FinishReason::kStop) << answer.error;
    }
  }
}

TEST_F(EngineText, AConstraintIsKeptAndEndsTheAnswer) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Request request{.prompt = {1, 2, 3}, .max_tokens = 60};
    request.sampling.seed = seed;
    request.draft_tokens = seed % 2 == 0 ? 0 : 4;
    request.constraint = Regex("[01]{2,5}( [01]{3}){1,4}!");
    const Collected answer = Ask(request);
    EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
    EXPECT_TRUE(std::regex_match(answer.text, std::regex("[01]{2,5}( [01]{3}){1,4}!")))
        << answer.text;
  }
}

TEST_F(EngineText, EndTokensComeOnlyWhereAConstraintIsComplete) {
  change_logits_ = [](const std::vector<int32_t>&, std::span<float> logits) { logits[7] += 100; };
  Request request{.prompt = {1}, .max_tokens = 60};
  request.constraint = Regex("1{9}0*");
  const Collected answer = Ask(request);
  EXPECT_EQ(answer.text, "111111111");
  EXPECT_EQ(answer.tokens.size(), 10u);  // and the end token
  EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
}

TEST_F(EngineText, AConstraintThatAllowsNothingButTheEnd) {
  Request request{.prompt = {1}, .max_tokens = 60, .ignore_eos = true};
  request.constraint = Regex("()");
  const Collected answer = Ask(request);
  EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
  EXPECT_TRUE(answer.tokens.empty());
}

// Some ones, and then an end of its own: 5 or 6.
class OnesAndAnEnd : public TokenConstraint {
 public:
  std::unique_ptr<TokenConstraint> Clone() const override {
    return std::make_unique<OnesAndAnEnd>(*this);
  }
  void AllowedTokens(TokenSet& allowed) override {
    allowed.Clear();
    if (complete()) return;
    allowed.Add(49);
    for (const int32_t end : {5, 6}) {
      if (tokens_.size() >= 4) allowed.Add(end);
    }
  }
  bool Accept(int32_t token) override {
    TokenSet allowed(kFakeVocabulary);
    AllowedTokens(allowed);
    if (allowed.Contains(token)) tokens_.push_back(token);
    return allowed.Contains(token);
  }
  void Rollback(int count) override { tokens_.resize(tokens_.size() - static_cast<size_t>(count)); }
  bool complete() const override { return !tokens_.empty() && tokens_.back() < 49; }

 private:
  std::vector<int32_t> tokens_;
};

TEST_F(EngineText, AConstraintMayHaveEndsOfItsOwn) {
  Request request{.prompt = {1}, .max_tokens = 60, .stop_token_ids = {{5, 7}}};
  request.constraint = std::make_shared<OnesAndAnEnd>();
  for (const int32_t end : {5, 6}) {  // one that is a stop token, and one that is none
    change_logits_ = [end](const std::vector<int32_t>& seen, std::span<float> logits) {
      logits[7] += 2000;
      logits[49] += 500;
      if (seen.size() >= 7) logits[static_cast<size_t>(end)] += 1000;
    };
    for (const int drafts : {0, 4}) {
      request.draft_tokens = drafts;
      const Collected answer = Ask(request);
      std::vector<int32_t> expected(6, 49);
      expected.push_back(end);
      EXPECT_EQ(answer.tokens, expected) << "the stop token 7 fits nowhere";
      EXPECT_EQ(answer.finish_reason, FinishReason::kStop) << answer.error;
    }
  }
}

// Expects an end token after each of the answer's own.
class EndDrafter : public Drafter {
 public:
  std::vector<int32_t> Propose(std::span<const int32_t>, int) const override { return {5, 49}; }
};

TEST_F(EngineText, AnEndMayBeDraftedAndNothingComesAfterIt) {
  change_logits_ = [](const std::vector<int32_t>&, std::span<float> logits) { logits[5] += 1000; };
  drafter_ = std::make_shared<EndDrafter>();
  Request request{.prompt = {1}, .max_tokens = 60, .stop_token_ids = {{5, 7}}, .draft_tokens = 4};
  request.constraint = std::make_shared<OnesAndAnEnd>();
  EngineStatistics statistics;
  const Collected answer = Ask(request, &statistics);
  EXPECT_EQ(answer.tokens, (std::vector<int32_t>{49, 49, 49, 49, 5}));
  EXPECT_EQ(answer.finish_reason, FinishReason::kStop);
  EXPECT_GT(statistics.drafted_tokens, 0);
}

TEST_F(EngineText, AConstraintThatNoTokenCanMeetIsAnError) {
  Request request{.prompt = {1}, .max_tokens = 60};
  request.constraint = Regex("1z");  // the model has no 'z'
  const Collected answer = Ask(request);
  EXPECT_EQ(answer.finish_reason, FinishReason::kError);
  EXPECT_EQ(answer.error, "[sampler] position 2: expected a token that may be chosen, got none");
}

TEST_F(EngineText, DraftsSaveStepsAndChangeNothing) {
  change_logits_ = Says("01#$!01 1 10!!");
  Request request{.prompt = {48}, .max_tokens = 200, .ignore_eos = true};
  request.logprobs = true;
  EngineStatistics plain;
  const Collected expected = Ask(request, &plain);
  request.draft_tokens = 5;
  EngineStatistics drafting;
  const Collected answer = Ask(request, &drafting);
  EXPECT_EQ(answer.tokens, expected.tokens);
  EXPECT_EQ(answer.logprobs, expected.logprobs);
  EXPECT_EQ(answer.text, expected.text);
  EXPECT_EQ(plain.steps, 200);
  EXPECT_LT(drafting.steps, 60);
  EXPECT_GT(drafting.accepted_tokens, 140);
  EXPECT_GE(drafting.drafted_tokens, drafting.accepted_tokens);
  EXPECT_EQ(plain.drafted_tokens, 0);
}

// Proposes anything at all.
class WildDrafter : public Drafter {
 public:
  std::vector<int32_t> Propose(std::span<const int32_t> tokens, int count) const override {
    std::mt19937 random(static_cast<uint32_t>(tokens.size()));
    std::vector<int32_t> draft(random() % static_cast<uint32_t>(2 * count));
    for (int32_t& token : draft) token = static_cast<int32_t>(random() % 60) - 5;
    return draft;
  }
};

TEST_F(EngineText, BadDraftsChangeNothing) {
  drafter_ = std::make_shared<WildDrafter>();
  int64_t drafted = 0;
  int64_t accepted = 0;
  for (Request& request : RandomFakeRequests(3, 30)) {
    const Collected expected = Expected(request);
    request.draft_tokens = 8;
    EngineStatistics statistics;
    const Collected answer = Ask(request, &statistics);
    EXPECT_EQ(answer.tokens, expected.tokens);
    EXPECT_EQ(answer.finish_reason, expected.finish_reason);
    drafted += statistics.drafted_tokens;
    accepted += statistics.accepted_tokens;
  }
  EXPECT_GT(drafted, 100);
  EXPECT_LT(accepted, drafted);
}

TEST_F(EngineText, PenaltiesSeeDraftedTokensAsTheyComeTrue) {
  change_logits_ = Says("01!");
  Request request{.prompt = {48, 49}, .max_tokens = 100, .ignore_eos = true};
  request.sampling.frequency_penalty = 40.0f;  // the text changes course after some repetitions
  const Collected expected = Ask(request);
  request.draft_tokens = 6;
  EngineStatistics statistics;
  const Collected answer = Ask(request, &statistics);
  EXPECT_GT(statistics.accepted_tokens, 10);
  EXPECT_EQ(answer.tokens, expected.tokens);
  EXPECT_NE(answer.tokens, Expected(request, 1024, change_logits_).tokens);
}

}  // namespace
}  // namespace fairlead::testing
