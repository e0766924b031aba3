// Element types of tensors and the exact conversions between them and float32.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

namespace fairlead {

// The element types of the safetensors format that Fairlead reads or writes.
enum class DType { kF32, kF16, kBf16, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kF64, kBool };

// Bytes per element.
int DTypeSize(DType dtype);
// The name used in safetensors headers ("F32", "BF16", "U8", ...).
std::string_view DTypeName(DType dtype);
// The inverse of DTypeName; nullopt for a name Fairlead does not know.
std::optional<DType> ParseDType(std::string_view name);

// bfloat16: the upper half of a float32.
struct Bf16 {
  uint16_t bits = 0;
};

inline float Bf16ToFloat(Bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline Bf16 FloatToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

// IEEE half precision to float32, exact.
float F16ToFloat(uint16_t bits);

// MXFP4: elements that share a scale.
inline constexpr int64_t kMxfp4Block = 32;

// The 16 values of an e2m1 (FP4) code: OCP Microscaling Formats 1.0, section 5.3.3. Code 8 is -0.
inline constexpr std::array<float, 16> kE2m1Values = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                                      4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                                      -2.0f, -3.0f, -4.0f, -6.0f};

// An e8m0 scale: 2^(code - 127). Code 0 is 2^-127, a subnormal float32; code 255 means NaN and is
// refused when a checkpoint is read.
inline float E8m0ToFloat(uint8_t code) {
  if (code == 255) return std::numeric_limits<float>::quiet_NaN();
  if (code == 0) return std::bit_cast<float>(0x00400000u);
  return std::bit_cast<float>(static_cast<uint32_t>(code) << 23);
}

}  // namespace fairlead
