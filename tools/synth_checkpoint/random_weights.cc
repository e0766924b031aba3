#include "random_weights.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace fairlead::synth {
namespace {

// 2^-9 to 2^-6: with random codes the weights have a deviation near 0.03.
constexpr uint64_t kLowestScale = 118;

// x with P(N(0, 1) < x) = probability, by bisection.
double NormalQuantile(double probability) {
  double low = -8;
  double high = 8;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

// Equally likely values of N(0, 1) in ascending order.
const std::vector<float>& NormalQuantiles() {
  static const std::vector<float> quantiles = [] {
    std::vector<float> values(kNormalValues);
    for (size_t i = 0; i < values.size(); ++i) {
      const double probability = (static_cast<double>(i) + 0.5) / kNormalValues;
      values[i] = static_cast<float>(NormalQuantile(probability));
    }
    return values;
  }();
  return quantiles;
}

}  // namespace

TensorStream::TensorStream(std::string_view name, const Filling& filling, uint64_t seed)
    : kind_(filling.kind), state_(XXH3_64bits_withSeed(name.data(), name.size(), seed)) {
  if (kind_ != Filling::Kind::kNormal) return;
  const std::vector<float>& quantiles = NormalQuantiles();
  for (size_t i = 0; i < normal_.size(); ++i) {
    normal_[i] = FloatToBf16(filling.mean + filling.deviation * quantiles[i]);
  }
}

uint64_t TensorStream::Next() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t TensorStream::NextWord() {
  const uint64_t random = Next();
  switch (kind_) {
    case Filling::Kind::kRandomBytes:
      return random;
    case Filling::Kind::kScales:
      return 0x0101010101010101u * kLowestScale + (random & 0x0303030303030303u);
    case Filling::Kind::kNormal:
      break;
  }
  uint64_t word = 0;
  for (int lane = 0; lane < 4; ++lane) {
    const uint64_t index = random >> (16 * lane) & (normal_.size() - 1);
    word |= static_cast<uint64_t>(normal_[index].bits) << (16 * lane);
  }
  return word;
}

void TensorStream::Fill(std::span<std::byte> out) {
  for (size_t offset = 0; offset < out.size(); offset += sizeof(uint64_t)) {
    const uint64_t word = NextWord();
    std::memcpy(out.data() + offset, &word, std::min(sizeof(word), out.size() - offset));
  }
}

}  // namespace fairlead::synth
