// The tokens of a vocabulary as a tree of bytes, to ask a question about all of them at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace fairlead {

// All ordinary tokens of a tokenizer: special tokens are no content. Immutable: one object serves
// any number of threads and constraints. About 8 bytes a node; o200k has 0.4 million.
class VocabularyTrie {
 public:
  // One node for every distinct beginning of a token, parents before children and children by
  // byte, so that the nodes below node i are i + 1 to nodes()[i].next - 1.
  struct Node {
    uint32_t next;              // behind the last node below this one
    uint32_t first_token : 24;  // into the tokens by their bytes; its own end where the next begins
    uint32_t byte : 8;
  };

  static std::shared_ptr<const VocabularyTrie> Build(Tokenizer::Pointer tokenizer);

  std::span<const Node> nodes() const { return std::span(nodes_).first(nodes_.size() - 1); }
  // The tokens whose bytes lead to node `index` and no further, ascending.
  std::span<const int32_t> TokensAt(size_t index) const {
    return std::span(tokens_).subspan(nodes_[index].first_token,
                                      nodes_[index + 1].first_token - nodes_[index].first_token);
  }
  // Follows the bytes of all tokens at once through the states of an automaton, from `start`:
  // `next(path, byte)` is the state behind path.back(), nullopt where no text goes on, and may
  // renumber the states in `path`, those before the node and its ancestors. `take(tokens)` gets the
  // tokens whose bytes have all been followed.
  template <typename Next, typename Take>
  void Walk(int32_t start, const Next& next, const Take& take) const;

  // All ordinary tokens, by their bytes.
  std::span<const int32_t> tokens() const { return tokens_; }
  // The bytes of an ordinary token; nullopt for any other id.
  std::optional<std::string_view> TokenBytes(int32_t id) const;
  // Highest id of the tokenizer + 1, special tokens included.
  int32_t vocabulary_size() const { return tokenizer_->vocabulary_size(); }
  // What the tree itself occupies.
  size_t memory_bytes() const;

 private:
  explicit VocabularyTrie(Tokenizer::Pointer tokenizer);

  Tokenizer::Pointer tokenizer_;
  std::vector<Node> nodes_;      // and one more, where the tokens of the last node end
  std::vector<int32_t> tokens_;  // by their bytes, then by id
};

template <typename Next, typename Take>
void VocabularyTrie::Walk(int32_t start, const Next& next, const Take& take) const {
  const std::span<const Node> all = nodes();
  std::vector<int32_t> path = {start};
  std::vector<size_t> ends;  // where the subtrees of the ancestors end
  for (size_t node = 0; node < all.size();) {
    while (!ends.empty() && ends.back() <= node) {
      ends.pop_back();
      path.pop_back();
    }
    const std::optional<int32_t> state = next(std::span(path), all[node].byte);
    if (!state) {
      node = all[node].next;
      continue;
    }
    take(TokensAt(node));
    if (all[node].next > node + 1) {
      ends.push_back(all[node].next);
      path.push_back(*state);
    }
    ++node;
  }
}

}  // namespace fairlead
