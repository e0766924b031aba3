#include "tests/runtime/random_requests.h"

#include <random>

#include "runtime/constraint/automaton_constraint.h"
#include "runtime/constraint/vocabulary_trie.h"

namespace fairlead::testing {
namespace {

class Maker {
 public:
  Maker(uint32_t seed, int64_t vocabulary_size, int longest)
      : random_(seed), vocabulary_size_(vocabulary_size), longest_(longest) {
    for (int i = 0; i < 6; ++i) texts_.push_back(Tokens(longest));
  }

  Request Make(const std::vector<std::shared_ptr<const TokenConstraint>>& constraints) {
    Request request;
    request.prompt = Prompt();
    const int room = longest_ - static_cast<int>(request.prompt.size());
    request.max_tokens = 1 + Below(std::min(room, 70));
    if (Chance(4)) request.min_tokens = Below(static_cast<int>(request.max_tokens));
    request.n = Chance(6) ? 2 + Below(3) : 1;
    request.priority = Chance(5) ? Below(3) - 1 : 0;
    request.draft_tokens = Chance(3) ? 1 + Below(5) : 0;
    request.ignore_eos = Chance(2);
    if (Chance(4)) request.stop_token_ids = Tokens(3);
    if (Chance(4)) request.stop_strings = {"a", "zq", "\x01\x02"};
    if (Chance(3)) request.logprobs = true;
    if (request.logprobs && Chance(2)) request.top_logprobs = 1 + Below(5);
    if (Chance(5)) request.constraint = constraints[random_() % constraints.size()];
    request.sampling = Sampling();
    return request;
  }

 private:
  bool Chance(uint32_t one_in) { return random_() % one_in == 0; }
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }

  std::vector<int32_t> Tokens(int count) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < count; ++i) {
      tokens.push_back(static_cast<int32_t>(random_() % static_cast<uint64_t>(vocabulary_size_)));
    }
    return tokens;
  }

  // The beginning of one of a few texts, and something of its own.
  std::vector<int32_t> Prompt() {
    const std::vector<int32_t>& text = texts_[random_() % texts_.size()];
    std::vector<int32_t> prompt(text.begin(), text.begin() + Below(longest_ * 3 / 4));
    const std::vector<int32_t> own = Tokens(1 + Below(20));
    prompt.insert(prompt.end(), own.begin(), own.end());
    return prompt;
  }

  SamplingParams Sampling() {
    SamplingParams params;
    params.temperature = static_cast<float>(Below(4)) * 0.5f;
    params.seed = random_();
    if (Chance(3)) params.top_k = 1 + Below(30);
    if (Chance(3)) params.top_p = 0.9f;
    if (Chance(4)) params.min_p = 0.05f;
    if (Chance(4)) params.repetition_penalty = 1.3f;
    if (Chance(4)) params.presence_penalty = 0.5f;
    if (Chance(4)) params.frequency_penalty = -0.3f;
    if (Chance(4)) params.logit_bias = {{Below(10), 5.0f}, {20 + Below(10), -100.0f}};
    return params;
  }

  std::mt19937 random_;
  int64_t vocabulary_size_;
  int longest_;
  std::vector<std::vector<int32_t>> texts_;
};

}  // namespace

std::vector<Request> RandomRequests(uint32_t seed, int count, int64_t vocabulary_size, int longest,
                                    const Tokenizer::Pointer& tokenizer) {
  const auto trie = VocabularyTrie::Build(tokenizer);
  std::vector<std::shared_ptr<const TokenConstraint>> constraints;
  for (const char* pattern : {"[a-z ]{3,}", "(yes|no)", "\\d+(\\.\\d+)?", "([ab]{2}c)*"}) {
    constraints.push_back(CompileRegexConstraint(pattern, trie, vocabulary_size).value());
  }
  Maker maker(seed, vocabulary_size, longest);
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) requests.push_back(maker.Make(constraints));
  return requests;
}

}  // namespace fairlead::testing
