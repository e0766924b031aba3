// MXFP4: blocks of 32 FP4 (e2m1) values that share one e8m0 scale (OCP Microscaling Formats 1.0).
// In gpt-oss checkpoints a row of K values is K/32 blocks of 16 bytes; byte b of a block holds
// element 2b in its low nibble and 2b + 1 in its high one.
#pragma once

#include <cstdint>
#include <span>

#include "base/dtype.h"

namespace fairlead {

inline constexpr int kMxfp4BlockBytes = 16;
// The scale code that means NaN; readers of checkpoints refuse it.
inline constexpr uint8_t kMxfp4NanScale = 255;

// out[i] = value of code i * 2^(scale - 127), equal to Hugging Face's convert_moe_packed_tensors in
// float32. Exact wherever float32 can hold the result (scales to 252 always; above, large values
// become infinite). Scale 255 gives NaN.
void DecodeMxfp4Block(std::span<const uint8_t, kMxfp4BlockBytes> packed, uint8_t scale,
                      std::span<float, kMxfp4Block> out);

// Packs 32 values and returns the scale: the smallest power of two at which the largest magnitude
// is at most 6, so that nothing saturates. Each value is rounded to the nearest code, ties to the
// code with an even mantissa bit; values that the format holds come back unchanged. An infinite or
// NaN input gives the scale 255.
uint8_t EncodeMxfp4Block(std::span<const float, kMxfp4Block> in,
                         std::span<uint8_t, kMxfp4BlockBytes> packed);

}  // namespace fairlead
