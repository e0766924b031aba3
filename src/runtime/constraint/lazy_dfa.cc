#include "runtime/constraint/lazy_dfa.h"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

// What a state costs besides its elements and transitions: entry, hash node and their allocations.
constexpr size_t kStateOverhead = 192;

std::string_view KeyOf(const ByteAutomaton::State& state) {
  return {reinterpret_cast<const char*>(state.data()), state.size() * sizeof(state[0])};
}

}  // namespace

LazyDfa::LazyDfa(std::shared_ptr<const ByteAutomaton> automaton, size_t memory_limit)
    : automaton_(std::move(automaton)),
      memory_limit_(memory_limit),
      byte_classes_(automaton_->ByteClasses()),
      class_count_(size_t{*std::max_element(byte_classes_.begin(), byte_classes_.end())} + 1),
      full_at_(memory_limit) {}

int32_t LazyDfa::Start() {
  return Find(std::make_shared<const ByteAutomaton::State>(automaton_->Start()));
}

int32_t LazyDfa::Find(const StatePointer& state) {
  const auto number = static_cast<int32_t>(states_.size());
  const auto [entry, inserted] = numbers_.try_emplace(KeyOf(*state), number);
  if (!inserted) return entry->second;
  states_.push_back({state, automaton_->Accepts(*state)});
  transitions_.resize(transitions_.size() + class_count_, kUnknown);
  memory_ += KeyOf(*state).size() + class_count_ * sizeof(int32_t) + kStateOverhead;
  return number;
}

int32_t LazyDfa::Explore(int32_t state, uint8_t byte) {
  auto reached = std::make_shared<const ByteAutomaton::State>(
      automaton_->Next(*states_[static_cast<size_t>(state)].state, byte));
  const int32_t next = reached->empty() ? kDead : Find(reached);
  transitions_[Slot(state, byte)] = next;
  return next;
}

void LazyDfa::Reset(std::span<int32_t> keep) {
  std::vector<StatePointer> kept;
  kept.reserve(keep.size());
  for (const int32_t number : keep) kept.push_back(state(number));
  numbers_.clear();  // its keys are views of the states
  states_.clear();
  transitions_.clear();
  memory_ = 0;
  ++generation_;
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = Find(kept[i]);
  // Room for as much again, so that what is kept does not make every further state a reset.
  full_at_ = memory_ + memory_limit_;
}

}  // namespace fairlead
