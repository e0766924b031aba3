#include "runtime/text_stream.h"

#include <utility>

namespace fairlead {
namespace {

uint64_t EdgeKey(uint32_t node, char byte) {
  return uint64_t{node} << 8 | static_cast<unsigned char>(byte);
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (uint32_t stop = 0; stop < stops_.size(); ++stop) AddToTree(stop);
  LinkShorter();
}

void StopMatcher::AddToTree(uint32_t stop) {
  uint32_t node = 0;
  for (const char byte : stops_[stop]) {
    const auto next = static_cast<uint32_t>(nodes_.size());
    const auto [edge, added] = children_.try_emplace(EdgeKey(node, byte), next);
    if (added) nodes_.push_back({.stop = stop, .depth = nodes_[node].depth + 1});
    node = edge->second;
  }
  nodes_[node].complete = stop + 1;
}

void StopMatcher::LinkShorter() {
  // Breadth first, so that every shorter beginning has its own link already.
  struct Edge {
    uint32_t parent;
    char byte;
    uint32_t child;
  };
  std::vector<std::vector<Edge>> levels;
  for (const auto& [key, child] : children_) {
    const size_t depth = nodes_[child].depth;
    if (levels.size() < depth) levels.resize(depth);
    levels[depth - 1].push_back(
        {static_cast<uint32_t>(key >> 8), static_cast<char>(key & 0xff), child});
  }
  for (const std::vector<Edge>& level : levels) {
    for (const Edge& edge : level) {
      if (edge.parent == 0) continue;  // a single byte: only the empty one is shorter
      Node& node = nodes_[edge.child];
      node.shorter = Next(nodes_[edge.parent].shorter, edge.byte);
      if (node.complete == 0) node.complete = nodes_[node.shorter].complete;
    }
  }
}

std::optional<uint32_t> StopMatcher::Child(uint32_t node, char byte) const {
  const auto edge = children_.find(EdgeKey(node, byte));
  if (edge == children_.end()) return std::nullopt;
  return edge->second;
}

uint32_t StopMatcher::Next(uint32_t node, char byte) const {
  while (true) {
    if (const auto child = Child(node, byte)) return *child;
    if (node == 0) return 0;
    node = nodes_[node].shorter;
  }
}

std::string_view StopMatcher::Held() const {
  const Node& node = nodes_[current_];
  return node.depth == 0 ? std::string_view()
                         : std::string_view(stops_[node.stop]).substr(0, node.depth);
}

std::string StopMatcher::Push(std::string_view piece) {
  const std::string_view held = Held();
  size_t safe = held.size() + piece.size();
  size_t read = held.size();
  for (const char byte : piece) {
    current_ = Next(current_, byte);
    ++read;
    const uint32_t complete = nodes_[current_].complete;
    if (complete == 0) continue;
    // Of those that end here the longest begins first; a later one counts if it began before.
    const std::string& stop = stops_[complete - 1];
    if (!found_ || read - stop.size() < safe) {
      safe = read - stop.size();
      found_ = stop;
    }
  }
  if (!found_) safe -= nodes_[current_].depth;
  std::string text(held.substr(0, safe));
  if (safe > held.size()) text += piece.substr(0, safe - held.size());
  if (found_) current_ = 0;
  return text;
}

std::string StopMatcher::Flush() {
  std::string text(Held());
  current_ = 0;
  return text;
}

std::string TextStream::Push(int32_t token, bool may_stop) {
  const auto decoded = decoder_.Push(token);
  const std::string text = decoded ? *decoded : decoder_.Flush() + "\uFFFD";
  return may_stop ? matcher_.Push(text) : matcher_.Flush() + text;
}

std::string TextStream::Finish() {
  if (stop_string()) return {};  // a character cut short comes after it
  std::string text = matcher_.Push(decoder_.Flush());
  return text + matcher_.Flush();
}

}  // namespace fairlead
