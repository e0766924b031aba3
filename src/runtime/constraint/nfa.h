// A nondeterministic automaton over bytes, and the deterministic one that its sets of states are.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/constraint/byte_automaton.h"

namespace fairlead {

// Built from the end of the texts to their beginning: what a state leads to exists before it,
// except the loops that AddLoop closes. Numbers of states are only valid in the same Nfa.
class Nfa : public ByteAutomaton {
 public:
  // The bytes low to high lead to `target`.
  struct Edge {
    uint8_t low;
    uint8_t high;
    uint32_t target;
  };

  // The state behind every text.
  static constexpr uint32_t kEnd = 0;

  Nfa();
  uint32_t AddBytes(std::span<const Edge> edges);
  // A state that is all of `targets` at once.
  uint32_t AddChoice(std::span<const uint32_t> targets);
  // A choice of `exit` and of what SetLoop names later.
  uint32_t AddLoop(uint32_t exit);
  void SetLoop(uint32_t loop, uint32_t body);
  // No more states: texts begin at `start`. False when there is no text at all.
  bool Finish(uint32_t start);

  State Start() const override;
  State Next(const State& state, uint8_t byte) const override;
  bool Accepts(const State& state) const override;
  std::array<uint8_t, 256> ByteClasses() const override;

 private:
  struct Node {
    uint32_t first_edge;    // its edges end where those of the next node begin
    uint32_t first_choice;  // likewise
  };
  std::span<const Edge> EdgesOf(uint32_t node) const;
  std::span<const uint32_t> ChoicesOf(uint32_t node) const;
  uint32_t AddNode();
  // Marks the nodes from which kEnd can be reached.
  void FindLive();
  // Adds to `state` what `target` is without reading a byte: the nodes that read one, and kEnd.
  void AddClosure(uint32_t target, std::vector<bool>& seen, State& state) const;

  std::vector<Node> nodes_;  // and one more, where the last node's edges and choices end
  std::vector<Edge> edges_;
  std::vector<uint32_t> choices_;
  std::vector<bool> live_;
  uint32_t start_ = kEnd;
};

}  // namespace fairlead
