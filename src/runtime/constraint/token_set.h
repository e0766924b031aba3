// A set of token ids, one bit each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace fairlead {

class TokenSet {
 public:
  // Empty, for ids below `vocabulary_size`.
  explicit TokenSet(int64_t vocabulary_size)
      : words_(static_cast<size_t>((vocabulary_size + 63) / 64)) {}

  void Clear() { std::fill(words_.begin(), words_.end(), uint64_t{0}); }
  // Ids are 0 to vocabulary_size - 1.
  void Add(int32_t id) { Word(id) |= Bit(id); }
  void Remove(int32_t id) { Word(id) &= ~Bit(id); }
  bool Contains(int32_t id) const { return (words_[static_cast<size_t>(id) / 64] & Bit(id)) != 0; }
  bool empty() const {
    return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
  }

  // Id 64 w + b is bit b of word w.
  std::span<uint64_t> words() { return words_; }
  std::span<const uint64_t> words() const { return words_; }

 private:
  static uint64_t Bit(int32_t id) { return uint64_t{1} << (static_cast<uint32_t>(id) % 64); }
  uint64_t& Word(int32_t id) { return words_[static_cast<size_t>(id) / 64]; }

  std::vector<uint64_t> words_;
};

}  // namespace fairlead
