// Times what harmony's header constraint adds to a token, without a model.
//   bench_constraint DIR                a folder with a tokenizer that has harmony's tokens
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

#include "chat/harmony/header_constraint.h"
#include "runtime/sampling/logit_adjustments.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kVocabulary = 201'088;  // of gpt-oss

// The median time of a call, in microseconds.
template <typename Call>
double Median(int calls, Call&& call) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    const Clock::time_point start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

AnswerRules Functions(int count) {
  AnswerRules rules;
  for (int i = 0; i < count; ++i) {
    rules.tools.push_back(fmt::format("functions.look_up_the_record_of_a_customer_{}", i));
  }
  return rules;
}

// What a token costs in the engine, but for its choice.
struct Token {
  double accept = 0;
  double allowed = 0;
  double mask = 0;
};

Token Time(const TokenConstraint& before, int32_t token, std::vector<float>& logits) {
  constexpr int kCalls = 200;
  const auto constraint = before.Clone();
  TokenSet allowed(kVocabulary);
  Token times;
  times.accept = Median(kCalls, [&] {
    constraint->Accept(token);
    constraint->Rollback(1);
  });
  constraint->Accept(token);
  times.allowed = Median(kCalls, [&] { constraint->AllowedTokens(allowed); });
  times.mask = Median(kCalls, [&] { KeepOnly(logits, allowed); });
  return times;
}

void Print(std::string_view name, const Token& times) {
  fmt::print("{:<24} {:>6.1f}  {:>7.1f}  {:>5.1f}  {:>6.1f}\n", name, times.accept, times.allowed,
             times.mask, times.accept + times.allowed + times.mask);
}

Status Run(const std::string& folder) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Open(folder));
  FAIRLEAD_ASSIGN_OR_RETURN(const HarmonyTokens tokens, FindHarmonyTokens(*tokenizer));
  std::shared_ptr<const VocabularyTrie> trie;
  fmt::print("trie of the vocabulary, once a model: {:.1f} ms\n",
             1e-3 * Median(5, [&] { trie = VocabularyTrie::Build(tokenizer); }));
  std::shared_ptr<const TokenConstraint> constraint;
  for (const int tools : {0, 50, 128}) {
    const AnswerRules rules = Functions(tools);
    const double time = Median(
        20, [&] { constraint = NewHeaderConstraint(tokens, trie, kVocabulary, rules).value(); });
    fmt::print("constraint for {} tools, once a request: {:.2f} ms\n", tools, 1e-3 * time);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<int32_t> header,
      tokenizer->Encode("<|channel|>commentary to=" + Functions(128).tools.back() +
                            " <|constrain|>json<|message|>",
                        /*parse_special=*/true));
  fmt::print("\n{:<24} accept  allowed   mask  all (microseconds)\n", "token");
  std::vector<float> logits(kVocabulary, 1.0f);
  const auto state = constraint->Clone();
  for (const int32_t token : header) {
    Print(fmt::format("{:?}", tokenizer->Decode({&token, 1}).value()), Time(*state, token, logits));
    state->Accept(token);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto content, tokenizer->Encode("{", false));
  Print("content", Time(*state, content.front(), logits));
  return {};
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  std::string folder;
  CLI::App app("Times what harmony's header constraint adds to a token, without a model.");
  app.add_option("DIR", folder, "Folder of a tokenizer")->required();
  CLI11_PARSE(app, argc, argv);
  const auto status = fairlead::Run(folder);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}
