// The states of a ByteAutomaton under small numbers, with every answer remembered.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/constraint/byte_automaton.h"

namespace fairlead {

// Not thread-safe. States are found as they are asked for and held in bounded memory: when full(),
// the caller drops them with Reset, and numbers it holds elsewhere are no longer valid.
class LazyDfa {
 public:
  using StatePointer = std::shared_ptr<const ByteAutomaton::State>;
  static constexpr int32_t kDead = -1;

  // `memory_limit` in bytes. It can be exceeded by one state and by those that a Reset keeps.
  LazyDfa(std::shared_ptr<const ByteAutomaton> automaton, size_t memory_limit);

  int32_t Start();
  // The number of a state that is not dead.
  int32_t Find(const StatePointer& state);
  // The number of the state after one more byte, or kDead.
  int32_t Next(int32_t state, uint8_t byte) {
    const int32_t next = transitions_[Slot(state, byte)];
    return next == kUnknown ? Explore(state, byte) : next;
  }
  const StatePointer& state(int32_t number) const {
    return states_[static_cast<size_t>(number)].state;
  }
  bool Accepts(int32_t number) const { return states_[static_cast<size_t>(number)].accepts; }

  bool full() const { return memory_ >= full_at_; }
  // Forgets all states but those in `keep` and gives these new numbers.
  void Reset(std::span<int32_t> keep);
  // How often Reset was called: numbers are valid within one generation.
  uint64_t generation() const { return generation_; }

 private:
  static constexpr int32_t kUnknown = -2;
  struct Entry {
    StatePointer state;
    bool accepts;
  };

  size_t Slot(int32_t state, uint8_t byte) const {
    return static_cast<size_t>(state) * class_count_ + byte_classes_[byte];
  }
  int32_t Explore(int32_t state, uint8_t byte);

  std::shared_ptr<const ByteAutomaton> automaton_;
  size_t memory_limit_;
  std::array<uint8_t, 256> byte_classes_;
  size_t class_count_;
  std::vector<Entry> states_;
  std::vector<int32_t> transitions_;                       // [state, byte class]
  std::unordered_map<std::string_view, int32_t> numbers_;  // by the bytes of the state's elements
  size_t memory_ = 0;
  size_t full_at_;
  uint64_t generation_ = 0;
};

}  // namespace fairlead
