#include "runtime/constraint/nfa.h"

#include <algorithm>

namespace fairlead {

Nfa::Nfa() : nodes_{{0, 0}} { AddNode(); }

std::span<const Nfa::Edge> Nfa::EdgesOf(uint32_t node) const {
  return std::span(edges_).subspan(nodes_[node].first_edge,
                                   nodes_[node + 1].first_edge - nodes_[node].first_edge);
}

std::span<const uint32_t> Nfa::ChoicesOf(uint32_t node) const {
  return std::span(choices_).subspan(nodes_[node].first_choice,
                                     nodes_[node + 1].first_choice - nodes_[node].first_choice);
}

// The node of the edges and choices that were added since the last one.
uint32_t Nfa::AddNode() {
  nodes_.push_back({static_cast<uint32_t>(edges_.size()), static_cast<uint32_t>(choices_.size())});
  return static_cast<uint32_t>(nodes_.size()) - 2;
}

uint32_t Nfa::AddBytes(std::span<const Edge> edges) {
  edges_.insert(edges_.end(), edges.begin(), edges.end());
  return AddNode();
}

uint32_t Nfa::AddChoice(std::span<const uint32_t> targets) {
  choices_.insert(choices_.end(), targets.begin(), targets.end());
  return AddNode();
}

uint32_t Nfa::AddLoop(uint32_t exit) {
  choices_.insert(choices_.end(), {exit, exit});
  return AddNode();
}

void Nfa::SetLoop(uint32_t loop, uint32_t body) { choices_[nodes_[loop].first_choice] = body; }

void Nfa::FindLive() {
  const size_t count = nodes_.size() - 1;
  // The same arrows backwards: sources[first[n]] to sources[first[n + 1]] lead to node n.
  std::vector<uint32_t> first(count + 2);
  const auto for_each_arrow = [&](const auto& visit) {
    for (uint32_t node = 0; node < count; ++node) {
      for (const Edge& edge : EdgesOf(node)) visit(node, edge.target);
      for (const uint32_t target : ChoicesOf(node)) visit(node, target);
    }
  };
  for_each_arrow([&](uint32_t, uint32_t target) { ++first[target + 2]; });
  for (size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<uint32_t> sources(edges_.size() + choices_.size());
  for_each_arrow([&](uint32_t node, uint32_t target) { sources[first[target + 1]++] = node; });

  live_.assign(count, false);
  live_[kEnd] = true;
  std::vector<uint32_t> open = {kEnd};
  while (!open.empty()) {
    const uint32_t node = open.back();
    open.pop_back();
    for (uint32_t i = first[node]; i < first[node + 1]; ++i) {
      if (live_[sources[i]]) continue;
      live_[sources[i]] = true;
      open.push_back(sources[i]);
    }
  }
}

bool Nfa::Finish(uint32_t start) {
  start_ = start;
  FindLive();
  return live_[start];
}

void Nfa::AddClosure(uint32_t target, std::vector<bool>& seen, State& state) const {
  std::vector<uint32_t> open = {target};
  while (!open.empty()) {
    const uint32_t node = open.back();
    open.pop_back();
    if (seen[node] || !live_[node]) continue;
    seen[node] = true;
    const auto choices = ChoicesOf(node);
    open.insert(open.end(), choices.begin(), choices.end());
    if (choices.empty()) state.push_back(node);
  }
}

Nfa::State Nfa::Start() const {
  State state;
  std::vector<bool> seen(live_.size());
  AddClosure(start_, seen, state);
  std::sort(state.begin(), state.end());
  return state;
}

Nfa::State Nfa::Next(const State& state, uint8_t byte) const {
  State next;
  std::vector<bool> seen(live_.size());
  for (const uint32_t node : state) {
    for (const Edge& edge : EdgesOf(node)) {
      if (edge.low <= byte && byte <= edge.high) AddClosure(edge.target, seen, next);
    }
  }
  std::sort(next.begin(), next.end());
  return next;
}

bool Nfa::Accepts(const State& state) const { return !state.empty() && state.front() == kEnd; }

std::array<uint8_t, 256> Nfa::ByteClasses() const {
  std::array<bool, 257> begins{};
  for (const Edge& edge : edges_) {
    begins[edge.low] = true;
    begins[size_t{edge.high} + 1] = true;
  }
  std::array<uint8_t, 256> classes{};
  for (size_t byte = 1; byte < classes.size(); ++byte) {
    classes[byte] = static_cast<uint8_t>(classes[byte - 1] + (begins[byte] ? 1 : 0));
  }
  return classes;
}

}  // namespace fairlead
