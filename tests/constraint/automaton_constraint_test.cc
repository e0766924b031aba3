// Constraints on tokens against every token's bytes tried one by one, and against PCRE2.
#include "runtime/constraint/automaton_constraint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "runtime/constraint/regex.h"
#include "tests/constraint/patterns.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead {
namespace {

using testing::Pcre2Pattern;
using testing::Random;
using Trie = std::shared_ptr<const VocabularyTrie>;

constexpr AutomatonMemory kNoMemory = {.states = 1, .token_sets = 1};

Trie TrieOf(std::string_view name) {
  if (name != "small") return VocabularyTrie::Build(testing::Vocabulary(name));
  return VocabularyTrie::Build(*Tokenizer::FromJsonText(testing::SmallTokenizer().dump(), "test"));
}

std::unique_ptr<TokenConstraint> Compile(std::string_view pattern, const Trie& trie,
                                         const AutomatonMemory& memory = {}) {
  auto automaton = CompileRegex(pattern);
  if (!automaton) throw std::runtime_error(automaton.error().message);
  return std::make_unique<AutomatonConstraint>(std::make_shared<const TokenAutomaton>(
      std::move(*automaton), trie, trie->vocabulary_size(), memory));
}

std::vector<int32_t> Allowed(TokenConstraint& constraint, int64_t vocabulary_size) {
  TokenSet set(vocabulary_size);
  for (int32_t id = 0; id < vocabulary_size; id += 7) set.Add(id);  // must be overwritten
  constraint.AllowedTokens(set);
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < vocabulary_size; ++id) {
    if (set.Contains(id)) ids.push_back(id);
  }
  return ids;
}

std::vector<int32_t> Allowed(TokenConstraint& constraint, const Trie& trie) {
  return Allowed(constraint, trie->vocabulary_size());
}

int32_t Pick(Random& random, const std::vector<int32_t>& ids) {
  return ids[static_cast<size_t>(random.Int(0, static_cast<int64_t>(ids.size()) - 1))];
}

// The tokens after which `text`, fed byte by byte, leaves a live state.
std::vector<int32_t> PlainAllowed(LazyDfa& dfa, const std::string& text, const Trie& trie) {
  int32_t start = dfa.Start();
  for (const char byte : text) start = dfa.Next(start, static_cast<uint8_t>(byte));
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < trie->vocabulary_size(); ++id) {
    const auto bytes = trie->TokenBytes(id);
    if (!bytes) continue;
    int32_t state = start;
    for (size_t i = 0; i < bytes->size() && state != LazyDfa::kDead; ++i) {
      state = dfa.Next(state, static_cast<uint8_t>((*bytes)[i]));
    }
    if (state != LazyDfa::kDead) ids.push_back(id);
  }
  return ids;
}

void CompareWithPlainAllowed(const std::string& vocabulary, int steps) {
  const Trie trie = TrieOf(vocabulary);
  Random random(testing::SeedOf(vocabulary));
  for (const std::string pattern :
       {"\\d{3}-\\d{4}", "[a-z ]+", ".*", "(yes|no)", "\\{\"name\": \"[^\"]*\", \"age\": \\d+\\}",
        "[^a-z]*é+", "(abc|ab|bc)*c", "a[^\\d\\D]|b", "(\\w+ ?){1,3}\\n?"}) {
    LazyDfa dfa(*CompileRegex(pattern), size_t{256} << 20);
    const auto constraint = Compile(pattern, trie);
    std::string text;
    for (int step = 0; step < steps; ++step) {
      const auto allowed = Allowed(*constraint, trie);
      ASSERT_EQ(allowed, PlainAllowed(dfa, text, trie)) << fmt::format("{} {:?}", pattern, text);
      ASSERT_TRUE(!allowed.empty() || constraint->complete());
      if (allowed.empty()) break;
      const int32_t token = Pick(random, allowed);
      ASSERT_TRUE(constraint->Accept(token));
      text += *trie->TokenBytes(token);
    }
  }
}

TEST(AutomatonConstraint, AllowsWhatLeavesALiveStateInASmallVocabulary) {
  CompareWithPlainAllowed("small", 20);
}

TEST(AutomatonConstraint, AllowsWhatLeavesALiveStateInTheDemoModel) {
  CompareWithPlainAllowed("tiny", 10);
}

TEST(AutomatonConstraint, AllowsWhatLeavesALiveStateInO200k) {
  CompareWithPlainAllowed("o200k", 3);
}

TEST(AutomatonConstraint, RandomWalksMatchWheneverTheyAreComplete) {
  const Trie trie = TrieOf("tiny");
  Random random(1);
  int completed = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string pattern = testing::RandomPattern(random, 3);
    const auto automaton = CompileRegex(pattern);
    if (!automaton) continue;  // no text matches
    const Pcre2Pattern oracle(pattern);
    const auto constraint = Compile(pattern, trie);
    std::string text;
    for (int step = 0; step < 30; ++step) {
      const auto matches = oracle.TryToMatch(text);
      if (!matches) break;
      ASSERT_EQ(constraint->complete(), *matches) << fmt::format("{:?} {:?}", pattern, text);
      completed += constraint->complete() ? 1 : 0;
      const auto allowed = Allowed(*constraint, trie);
      // Otherwise the text could no longer become complete.
      ASSERT_TRUE(!allowed.empty() || constraint->complete());
      if (allowed.empty()) break;
      const int32_t token = Pick(random, allowed);
      ASSERT_TRUE(constraint->Accept(token));
      text += *trie->TokenBytes(token);
    }
  }
  EXPECT_GT(completed, 500);
}

TEST(AutomatonConstraint, RefusesTokensThatAreNotAllowedAndStaysWhereItIs) {
  const Trie trie = TrieOf("small");
  const auto constraint = Compile("(abc)+", trie);
  for (const int32_t token : {-1, 259, 260, 1 << 30, int32_t{'b'}, 258}) {
    EXPECT_FALSE(constraint->Accept(token)) << token;
  }
  EXPECT_EQ(Allowed(*constraint, trie), (std::vector<int32_t>{'a', 256, 257}));
  ASSERT_TRUE(constraint->Accept(256));
  EXPECT_FALSE(constraint->Accept(256));
  EXPECT_FALSE(constraint->complete());
  ASSERT_TRUE(constraint->Accept('c'));
  EXPECT_TRUE(constraint->complete());
  EXPECT_FALSE(constraint->Accept(259));  // <|end|> is the engine's concern
}

TEST(AutomatonConstraint, AllowsNoIdBeyondTheTokenizersOrTheModels) {
  const Trie trie = TrieOf("small");
  const auto larger = CompileRegexConstraint(".*", trie, 1000);
  ASSERT_TRUE(larger.has_value());
  EXPECT_EQ(Allowed(*(*larger)->Clone(), 1000).back(), 258);
  EXPECT_FALSE((*larger)->Clone()->Accept(999));
  const auto smaller = CompileRegexConstraint(".*", trie, 257);
  ASSERT_TRUE(smaller.has_value());
  EXPECT_EQ(Allowed(*(*smaller)->Clone(), 257).back(), 256);
  EXPECT_FALSE((*smaller)->Clone()->Accept(257));
  // A set of another size than promised is neither overrun nor left as it was.
  EXPECT_EQ(Allowed(*(*larger)->Clone(), 64).size(), 63);  // all but \n
  EXPECT_EQ(Allowed(*(*smaller)->Clone(), 5000).back(), 256);
}

TEST(AutomatonConstraint, PassesOnTheErrorsOfThePattern) {
  const auto constraint = CompileRegexConstraint("a**", TrieOf("small"), 260);
  ASSERT_FALSE(constraint.has_value());
  EXPECT_EQ(constraint.error().message,
            "[regex] position 2: expected no second quantifier, got \"*\"");
}

// Walks at random forwards and back; what was seen at each place goes into the result.
std::vector<std::vector<int32_t>> Wander(TokenConstraint& constraint, const Trie& trie,
                                         uint64_t seed, int steps) {
  Random random(seed);
  std::vector<std::vector<int32_t>> seen;
  int length = 0;
  for (int i = 0; i < steps; ++i) {
    seen.push_back(Allowed(constraint, trie));
    seen.push_back({constraint.complete() ? 1 : 0});
    if (seen[seen.size() - 2].empty() || random.Int(0, 3) == 0) {
      const int count = static_cast<int>(random.Int(0, length));
      constraint.Rollback(count);
      length -= count;
    } else {
      EXPECT_TRUE(constraint.Accept(Pick(random, seen[seen.size() - 2])));
      ++length;
    }
  }
  return seen;
}

constexpr const char* kManyStates = "((a|b)*a(a|b){7}c|[^ab]{1,9}\\d?)*";

TEST(AutomatonConstraint, RollbackIsTheSameAsNotHavingAccepted) {
  const Trie trie = TrieOf("tiny");
  Random random(2);
  const auto constraint = Compile(kManyStates, trie);
  std::vector<int32_t> accepted;
  for (int i = 0; i < 200; ++i) {
    const auto allowed = Allowed(*constraint, trie);
    if (allowed.empty() || random.Int(0, 2) == 0) {
      const int count = static_cast<int>(random.Int(0, static_cast<int64_t>(accepted.size())));
      constraint->Rollback(count);
      accepted.resize(accepted.size() - static_cast<size_t>(count));
    } else {
      accepted.push_back(Pick(random, allowed));
      ASSERT_TRUE(constraint->Accept(accepted.back()));
    }
    const auto replayed = Compile(kManyStates, trie);
    for (const int32_t token : accepted) ASSERT_TRUE(replayed->Accept(token));
    ASSERT_EQ(Allowed(*constraint, trie), Allowed(*replayed, trie));
    ASSERT_EQ(constraint->complete(), replayed->complete());
  }
  // More than there is, and nothing.
  constraint->Rollback(1'000'000);
  constraint->Rollback(-1);
  EXPECT_EQ(Allowed(*constraint, trie), Allowed(*Compile(kManyStates, trie), trie));
}

TEST(AutomatonConstraint, RollsBackFurtherThanItKeepsStates) {
  const Trie trie = TrieOf("small");
  // Which letters may follow depends on how many there were.
  constexpr const char* kPattern = "(a{3}b{2}a?c)*";
  Random random(3);
  const auto constraint = Compile(kPattern, trie);
  std::vector<std::vector<int32_t>> allowed = {Allowed(*constraint, trie)};
  for (int round = 0; round < 30; ++round) {
    while (allowed.size() < 300) {
      ASSERT_TRUE(constraint->Accept(Pick(random, allowed.back())));
      allowed.push_back(Allowed(*constraint, trie));
    }
    const auto length = static_cast<int64_t>(allowed.size()) - 1;
    // Near the number of states that are kept every step counts.
    const int64_t count = round < 10 ? random.Int(0, length) : random.Int(58, 70);
    constraint->Rollback(static_cast<int>(count));
    allowed.resize(allowed.size() - static_cast<size_t>(count));
    ASSERT_EQ(Allowed(*constraint, trie), allowed.back()) << count;
  }
}

TEST(AutomatonConstraint, ClonesGoTheirOwnWay) {
  const Trie trie = TrieOf("small");
  const auto first = Compile("ab*c", trie);
  ASSERT_TRUE(first->Accept('a'));
  const auto second = first->Clone();
  ASSERT_TRUE(second->Accept('c'));
  EXPECT_TRUE(second->complete());
  EXPECT_FALSE(first->complete());
  EXPECT_TRUE(first->Accept('b'));
  second->Rollback(2);
  EXPECT_EQ(Allowed(*second, trie), (std::vector<int32_t>{'a', 256, 257}));
  EXPECT_EQ(Allowed(*first, trie), (std::vector<int32_t>{'b', 'c', 258}));
}

TEST(AutomatonConstraint, AnswersTheSameWithoutMemory) {
  const Trie trie = TrieOf("tiny");
  for (const uint64_t seed : {1, 2, 3}) {
    const auto plenty = Compile(kManyStates, trie);
    const auto little = Compile(kManyStates, trie, {.states = size_t{4} << 10, .token_sets = 2000});
    const auto none = Compile(kManyStates, trie, kNoMemory);
    const auto expected = Wander(*plenty, trie, seed, 40);
    EXPECT_EQ(Wander(*little, trie, seed, 40), expected);
    EXPECT_EQ(Wander(*none, trie, seed, 40), expected);
  }
}

TEST(AutomatonConstraint, ThreadsShareWhatIsRemembered) {
  const Trie trie = TrieOf("small");
  constexpr size_t kThreads = 4;
  for (const AutomatonMemory& memory : {AutomatonMemory{}, AutomatonMemory{2000, 100}}) {
    const auto shared = Compile(kManyStates, trie, memory);
    std::vector<std::vector<std::vector<int32_t>>> seen(kThreads);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const auto constraint = shared->Clone();
        seen[i] = Wander(*constraint, trie, i, 100);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < kThreads; ++i) {
      EXPECT_EQ(seen[i], Wander(*Compile(kManyStates, trie), trie, i, 100));
    }
  }
}

}  // namespace
}  // namespace fairlead
