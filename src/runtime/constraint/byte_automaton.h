// A set of texts, recognised byte by byte.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace fairlead {

// A deterministic automaton. Immutable: one object serves any number of threads. Next may be slow;
// LazyDfa remembers its answers.
class ByteAutomaton {
 public:
  // What is known after some bytes, in a form of which each automaton has only one: equal states
  // are equal vectors. A state without elements is dead: no text of the set begins like this. From
  // any other an accepting state can be reached.
  using State = std::vector<uint32_t>;

  virtual ~ByteAutomaton() = default;
  virtual State Start() const = 0;
  // The state after one more byte; `state` is not dead.
  virtual State Next(const State& state, uint8_t byte) const = 0;
  // The bytes so far are a text of the set.
  virtual bool Accepts(const State& state) const = 0;
  // Numbers from 0 without gaps: bytes with the same number lead from any state to the same state.
  virtual std::array<uint8_t, 256> ByteClasses() const = 0;
};

}  // namespace fairlead
