// The tree holds every ordinary token once, and nothing else.
#include "runtime/constraint/vocabulary_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/tokenizer/vocabularies.h"

namespace fairlead {
namespace {

using testing::SmallTokenizer;
using testing::Vocabulary;

// Each token and the bytes that lead to it, by a walk over the tree.
std::map<int32_t, std::string> Walk(const VocabularyTrie& trie) {
  std::map<int32_t, std::string> found;
  std::vector<size_t> ends;
  std::string bytes;
  const auto nodes = trie.nodes();
  for (size_t node = 0; node < nodes.size(); ++node) {
    while (!ends.empty() && ends.back() <= node) {
      ends.pop_back();
      bytes.pop_back();
    }
    ends.push_back(nodes[node].next);
    bytes += static_cast<char>(nodes[node].byte);
    for (const int32_t token : trie.TokensAt(node)) {
      EXPECT_TRUE(found.emplace(token, bytes).second) << token;
    }
  }
  return found;
}

// Every subtree lies inside its parent's, and the children of a node are ascending by their bytes.
void CheckShape(const VocabularyTrie& trie) {
  const auto nodes = trie.nodes();
  const auto check_children = [&](size_t begin, size_t end) {
    int previous = -1;
    size_t child = begin;
    while (child < end) {
      const auto byte = static_cast<int>(nodes[child].byte);
      ASSERT_GT(byte, previous);
      previous = byte;
      ASSERT_GT(nodes[child].next, child);
      child = nodes[child].next;
    }
    ASSERT_EQ(child, end);
  };
  check_children(0, nodes.size());
  for (size_t node = 0; node < nodes.size(); ++node) check_children(node + 1, nodes[node].next);
}

void CheckTokens(const Tokenizer::Pointer& tokenizer, size_t special_count) {
  const auto trie = VocabularyTrie::Build(tokenizer);
  CheckShape(*trie);
  const auto found = Walk(*trie);
  size_t specials = 0;
  for (int32_t id = -1; id <= tokenizer->vocabulary_size(); ++id) {
    const auto bytes = tokenizer->TokenBytes(id);
    const bool is_special = bytes && tokenizer->SpecialId(*bytes) == id;
    ASSERT_EQ(tokenizer->IsSpecial(id), is_special) << id;
    specials += is_special ? 1 : 0;
    const auto expected = is_special ? std::nullopt : bytes;
    const auto entry = found.find(id);
    ASSERT_EQ(entry != found.end(), expected.has_value()) << id;
    if (expected) {
      ASSERT_EQ(entry->second, *expected) << id;
    }
    ASSERT_EQ(trie->TokenBytes(id), expected) << id;
  }
  EXPECT_EQ(specials, special_count);
  EXPECT_EQ(trie->vocabulary_size(), tokenizer->vocabulary_size());
  EXPECT_GE(trie->memory_bytes(), 8 * trie->nodes().size());
}

TEST(VocabularyTrie, HoldsTheOrdinaryTokensOfASmallVocabulary) {
  const auto tokenizer = *Tokenizer::FromJsonText(SmallTokenizer().dump(), "test");
  CheckTokens(tokenizer, 1);
  // 256 bytes, ab, abc and bc share all but the nodes b, c and c.
  EXPECT_EQ(VocabularyTrie::Build(tokenizer)->nodes().size(), 259);
}

TEST(VocabularyTrie, TellsASpecialTokenFromOrdinaryOnesOfTheSameBytes) {
  Json file = SmallTokenizer();
  file["added_tokens"].push_back({{"id", 260}, {"content", "ab"}, {"special", true}});
  const auto tokenizer = *Tokenizer::FromJsonText(file.dump(), "test");
  EXPECT_FALSE(tokenizer->IsSpecial(256));  // the ordinary "ab"
  EXPECT_FALSE(tokenizer->IsSpecial(257));  // "abc"
  EXPECT_TRUE(tokenizer->IsSpecial(260));
  CheckTokens(tokenizer, 2);
}

TEST(VocabularyTrie, HoldsTheOrdinaryTokensOfTheDemoModel) {
  const auto tokenizer = Vocabulary("tiny");
  CheckTokens(tokenizer, 9);
}

TEST(VocabularyTrie, HoldsTheOrdinaryTokensOfO200kInLittleMemory) {
  const auto tokenizer = Vocabulary("o200k");
  CheckTokens(tokenizer, 21);
  EXPECT_LT(VocabularyTrie::Build(tokenizer)->memory_bytes(), size_t{8} << 20);
}

}  // namespace
}  // namespace fairlead
