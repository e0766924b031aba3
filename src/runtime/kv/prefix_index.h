// Which pages hold the keys and values of which text. Texts are cut into blocks of kPageTokens
// tokens; a block is known by its own tokens and the block before it, so that one node stands for
// exactly one text from its beginning. Found by hash, told apart by tokens: never approximate.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "backends/step_plan.h"
#include "base/error.h"

namespace fairlead {

// A tree of blocks. A node lives as long as it has a page, a child or a user.
class PrefixIndex {
 public:
  using Node = int32_t;
  using Block = std::span<const int32_t, kPageTokens>;
  static constexpr Node kRoot = 0;  // the empty text
  static constexpr Node kNone = -1;
  static constexpr int32_t kNoPage = -1;

  explicit PrefixIndex(size_t groups);

  // The block that continues `parent` with these tokens, or kNone.
  Node Find(Node parent, Block tokens) const;
  // The same, made if there is none; the caller gives it a page or a user at once.
  Node FindOrAdd(Node parent, Block tokens);

  int32_t page(Node node, size_t group) const { return pages_[PageIndex(node, group)]; }
  // kNoPage takes the page away, and the node with it if that was its last reason to be.
  void SetPage(Node node, size_t group, int32_t page);

  // A user keeps a node and all before it.
  void AddUser(Node node) { ++nodes_[static_cast<size_t>(node)].users; }
  void RemoveUser(Node node);

  Node parent(Node node) const { return nodes_[static_cast<size_t>(node)].parent; }
  // Blocks and pages that are known.
  size_t size() const { return by_key_.size(); }
  int64_t pages() const;

  // kInternal unless nodes, map and counts agree and every node has a reason to be. `users` gives
  // the node of each user.
  Status Check(std::span<const Node> users) const;

 private:
  struct Key {
    Node parent;
    std::array<int32_t, kPageTokens> tokens;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    uint64_t seed;  // not to be guessed: whoever can make hashes collide can make lookups slow
    size_t operator()(const Key& key) const;
  };
  struct Entry {
    Node parent = kNone;
    int children = 0;
    int users = 0;
    int pages = 0;
    const Key* key = nullptr;  // owned by the map; nullptr for the root and unused entries
  };

  size_t PageIndex(Node node, size_t group) const {
    return static_cast<size_t>(node) * groups_ + group;
  }
  // Removes the node, and those before it, as far as nothing needs them.
  void Prune(Node node);

  size_t groups_;
  std::vector<Entry> nodes_;
  std::vector<int32_t> pages_;  // by node and group
  std::vector<Node> unused_;
  std::unordered_map<Key, Node, Hash> by_key_;
};

}  // namespace fairlead
