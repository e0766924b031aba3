#include "runtime/constraint/vocabulary_trie.h"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

struct Word {
  uint64_t prefix;  // the first eight bytes, the first one highest: decides most comparisons
  int32_t id;
  std::string_view bytes;
};

uint64_t Prefix(std::string_view bytes) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof(prefix); ++i) {
    prefix = prefix << 8 | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0);
  }
  return prefix;
}

bool ComesBefore(const Word& a, const Word& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  const int order = a.bytes.compare(b.bytes);
  return order != 0 ? order < 0 : a.id < b.id;
}

std::vector<Word> SortedWords(const Tokenizer& tokenizer) {
  std::vector<Word> words;
  words.reserve(static_cast<size_t>(tokenizer.vocabulary_size()));
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const auto bytes = tokenizer.TokenBytes(id);
    if (bytes && !tokenizer.IsSpecial(id)) words.push_back({Prefix(*bytes), id, *bytes});
  }
  std::sort(words.begin(), words.end(), ComesBefore);
  return words;
}

size_t CommonPrefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

}  // namespace

VocabularyTrie::VocabularyTrie(Tokenizer::Pointer tokenizer) : tokenizer_(std::move(tokenizer)) {
  static_assert(kMaxVocabularySize < (1U << 24), "Node::first_token holds any count of tokens");
  std::vector<uint32_t> path;  // the nodes that lead to the word before
  const auto close = [&](size_t depth) {
    for (size_t i = depth; i < path.size(); ++i) {
      nodes_[path[i]].next = static_cast<uint32_t>(nodes_.size());
    }
    path.resize(std::min(depth, path.size()));
  };
  std::string_view previous;
  for (const Word& word : SortedWords(*tokenizer_)) {
    const size_t shared = CommonPrefix(previous, word.bytes);
    close(shared);
    const auto first_token = static_cast<uint32_t>(tokens_.size());
    for (size_t i = shared; i < word.bytes.size(); ++i) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, first_token, static_cast<uint8_t>(word.bytes[i])});
    }
    tokens_.push_back(word.id);
    previous = word.bytes;
  }
  close(0);
  nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), 0});
  nodes_.shrink_to_fit();
}

std::shared_ptr<const VocabularyTrie> VocabularyTrie::Build(Tokenizer::Pointer tokenizer) {
  return std::shared_ptr<const VocabularyTrie>(new VocabularyTrie(std::move(tokenizer)));
}

std::optional<std::string_view> VocabularyTrie::TokenBytes(int32_t id) const {
  if (tokenizer_->IsSpecial(id)) return std::nullopt;
  return tokenizer_->TokenBytes(id);
}

size_t VocabularyTrie::memory_bytes() const {
  return nodes_.capacity() * sizeof(Node) + tokens_.capacity() * sizeof(int32_t);
}

}  // namespace fairlead
