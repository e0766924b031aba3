// Random tensor contents at memory speed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/dtype.h"
#include "model_spec.h"

namespace fairlead::synth {

// Distinct values of a normally distributed tensor, a power of two.
inline constexpr size_t kNormalValues = 4096;

// The bytes of one tensor, a function of the seed and its name alone: a slice of a model holds the
// same layers as the whole one.
class TensorStream {
 public:
  TensorStream(std::string_view name, const Filling& filling, uint64_t seed);

  // The next bytes. Every piece but the last must be a multiple of 8 bytes.
  void Fill(std::span<std::byte> out);

 private:
  uint64_t Next();  // splitmix64 (Steele, Lea, Flood 2014)
  uint64_t NextWord();

  Filling::Kind kind_;
  uint64_t state_;
  std::array<Bf16, kNormalValues> normal_;  // equally likely values
};

}  // namespace fairlead::synth
