// Random numbers that are the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // In [low, high].
  int64_t Int(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  // In [-1, 1).
  float Signed() { return static_cast<float>(engine_() >> 40) / 8388608.0f - 1.0f; }
  std::vector<int32_t> Ints(size_t count, int64_t low, int64_t high) {
    std::vector<int32_t> values(count);
    for (int32_t& value : values) value = static_cast<int32_t>(Int(low, high));
    return values;
  }
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<size_t>(Int(0, static_cast<int64_t>(i) - 1))]);
    }
  }

 private:
  std::mt19937_64 engine_;
};

// A seed for everything that has a name (FNV-1a).
inline uint64_t SeedOf(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

}  // namespace fairlead::testing
