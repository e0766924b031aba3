#include "checkpoint/mxfp4.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/dtype.h"

namespace fairlead {
namespace {

constexpr int kScaleBias = 127;
constexpr int kMaxScale = 254;

// The magnitudes half way between neighbouring codes 0..7.
constexpr std::array<float, 7> kMidpoints = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f};

// The e2m1 code nearest to `value`, which is already divided by the scale.
uint8_t RoundToE2m1(float value) {
  const float magnitude = std::fabs(value);
  uint8_t code = 0;
  // A tie between codes c and c + 1 goes to the even one: up exactly if c is odd.
  while (code < 7 &&
         (magnitude > kMidpoints[code] || (magnitude == kMidpoints[code] && code % 2 == 1))) {
    ++code;
  }
  return std::signbit(value) ? code | 8u : code;
}

// The scale code for a block whose largest magnitude is `largest`, finite and not negative.
int ChooseScale(float largest) {
  if (largest == 0) return kScaleBias;
  int exponent = 0;
  // largest = fraction * 2^exponent with fraction in [0.5, 1); 6 = 0.75 * 2^3.
  const float fraction = std::frexp(largest, &exponent);
  return std::clamp(exponent - 3 + (fraction > 0.75f ? 1 : 0) + kScaleBias, 0, kMaxScale);
}

}  // namespace

void DecodeMxfp4Block(std::span<const uint8_t, kMxfp4BlockBytes> packed, uint8_t scale,
                      std::span<float, kMxfp4Block> out) {
  const float factor = E8m0ToFloat(scale);
  for (int b = 0; b < kMxfp4BlockBytes; ++b) {
    out[2 * b] = kE2m1Values[packed[b] & 15u] * factor;
    out[2 * b + 1] = kE2m1Values[packed[b] >> 4] * factor;
  }
}

uint8_t EncodeMxfp4Block(std::span<const float, kMxfp4Block> in,
                         std::span<uint8_t, kMxfp4BlockBytes> packed) {
  float largest = 0;
  bool finite = true;
  for (float value : in) {
    finite = finite && std::isfinite(value);
    largest = std::max(largest, std::fabs(value));
  }
  if (!finite) {
    std::fill(packed.begin(), packed.end(), uint8_t{0});
    return kMxfp4NanScale;
  }
  const int scale = ChooseScale(largest);
  for (int b = 0; b < kMxfp4BlockBytes; ++b) {
    // ldexp and not a product with the reciprocal: 2^127 / 2 has none in normal float32.
    const uint8_t low = RoundToE2m1(std::ldexp(in[2 * b], kScaleBias - scale));
    const uint8_t high = RoundToE2m1(std::ldexp(in[2 * b + 1], kScaleBias - scale));
    packed[b] = static_cast<uint8_t>(low | high << 4);
  }
  return static_cast<uint8_t>(scale);
}

}  // namespace fairlead
