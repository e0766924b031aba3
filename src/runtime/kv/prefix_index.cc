#include "runtime/kv/prefix_index.h"

#include <xxhash.h>

#include <algorithm>
#include <random>

namespace fairlead {

size_t PrefixIndex::Hash::operator()(const Key& key) const {
  static_assert(sizeof(Key) == sizeof(Node) + sizeof(int32_t) * kPageTokens, "no padding");
  return XXH3_64bits_withSeed(&key, sizeof(key), seed);
}

PrefixIndex::PrefixIndex(size_t groups)
    : groups_(groups),
      nodes_(1),
      pages_(groups, kNoPage),
      by_key_(0, Hash{(uint64_t{std::random_device{}()} << 32) | std::random_device{}()}) {}

PrefixIndex::Node PrefixIndex::Find(Node parent, Block tokens) const {
  Key key{parent, {}};
  std::copy(tokens.begin(), tokens.end(), key.tokens.begin());
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? kNone : found->second;
}

PrefixIndex::Node PrefixIndex::FindOrAdd(Node parent, Block tokens) {
  Key key{parent, {}};
  std::copy(tokens.begin(), tokens.end(), key.tokens.begin());
  const auto [entry, added] = by_key_.try_emplace(key, kNone);
  if (!added) return entry->second;
  if (unused_.empty()) {
    unused_.push_back(static_cast<Node>(nodes_.size()));
    nodes_.emplace_back();
    pages_.resize(pages_.size() + groups_, kNoPage);
  }
  const Node node = unused_.back();
  unused_.pop_back();
  entry->second = node;
  nodes_[static_cast<size_t>(node)] = {parent, 0, 0, 0, &entry->first};
  ++nodes_[static_cast<size_t>(parent)].children;
  return node;
}

void PrefixIndex::SetPage(Node node, size_t group, int32_t page) {
  int32_t& place = pages_[PageIndex(node, group)];
  Entry& entry = nodes_[static_cast<size_t>(node)];
  entry.pages += static_cast<int>(page != kNoPage) - static_cast<int>(place != kNoPage);
  place = page;
  if (page == kNoPage) Prune(node);
}

int64_t PrefixIndex::pages() const {
  return std::count_if(pages_.begin(), pages_.end(), [](int32_t page) { return page != kNoPage; });
}

void PrefixIndex::RemoveUser(Node node) {
  --nodes_[static_cast<size_t>(node)].users;
  Prune(node);
}

void PrefixIndex::Prune(Node node) {
  while (node != kRoot) {
    Entry& entry = nodes_[static_cast<size_t>(node)];
    if (entry.pages > 0 || entry.children > 0 || entry.users > 0) return;
    const Node parent = entry.parent;
    by_key_.erase(by_key_.find(*entry.key));
    entry = {};
    unused_.push_back(node);
    --nodes_[static_cast<size_t>(parent)].children;
    node = parent;
  }
}

Status PrefixIndex::Check(std::span<const Node> users) const {
  const auto broken = [](Node node, std::string_view what, size_t expected, size_t found) {
    return Fail(ErrorCode::kInternal, "kv", "text block {}: {}: expected {}, got {}", node, what,
                expected, found);
  };
  std::vector<Entry> counted(nodes_.size());
  for (Node node : users) ++counted[static_cast<size_t>(node)].users;
  for (const auto& [key, node] : by_key_) {
    Entry& entry = counted[static_cast<size_t>(node)];
    entry.key = &key;
    ++counted[static_cast<size_t>(key.parent)].children;
    for (size_t g = 0; g < groups_; ++g) entry.pages += page(node, g) != kNoPage ? 1 : 0;
  }
  if (nodes_.size() - unused_.size() != by_key_.size() + 1) {
    return broken(kRoot, "blocks", by_key_.size() + 1, nodes_.size() - unused_.size());
  }
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const Entry& entry = nodes_[n];
    const auto node = static_cast<Node>(n);
    if (entry.key != counted[n].key) return broken(node, "key", 1, 0);
    if (entry.key != nullptr && entry.key->parent != entry.parent) {
      return broken(node, "parent", static_cast<size_t>(entry.key->parent),
                    static_cast<size_t>(entry.parent));
    }
    const int found[] = {entry.children, entry.users, entry.pages};
    const int expected[] = {counted[n].children, counted[n].users, counted[n].pages};
    for (size_t i = 0; i < 3; ++i) {
      if (found[i] != expected[i]) {
        return broken(node, "count", static_cast<size_t>(expected[i]),
                      static_cast<size_t>(found[i]));
      }
    }
    if (entry.key != nullptr && found[0] + found[1] + found[2] == 0) {
      return broken(node, "reasons to be", 1, 0);
    }
  }
  return {};
}

}  // namespace fairlead
