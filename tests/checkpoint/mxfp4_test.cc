#include "checkpoint/mxfp4.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/dtype.h"
#include "checkpoint/safetensors.h"

namespace fairlead {
namespace {

using Block = std::array<uint8_t, kMxfp4BlockBytes>;
using Values = std::array<float, kMxfp4Block>;

// Decodes every block of `file` and compares bits with the values that Hugging Face computed,
// which it stores transposed: [experts, in, out].
void ExpectEqualToGolden(const char* file_name) {
  const auto file =
      SafetensorsFile::Open(std::filesystem::path(FAIRLEAD_TEST_DATA "/mxfp4") / file_name);
  ASSERT_TRUE(file) << file.error().message;
  const TensorView blocks = *(*file)->Find("blocks");
  const TensorView scales = *(*file)->Find("scales");
  const TensorView values = *(*file)->Find("values");
  const int64_t rows = blocks.shape[1];
  const int64_t groups = blocks.shape[2];
  for (int64_t index = 0; index < NumElements(scales.shape); ++index) {
    Block packed;
    for (int b = 0; b < kMxfp4BlockBytes; ++b) {
      packed[b] = blocks.At<uint8_t>(index * kMxfp4BlockBytes + b);
    }
    Values out;
    DecodeMxfp4Block(packed, scales.At<uint8_t>(index), out);
    const int64_t group = index % groups;
    const int64_t row = index / groups % rows;
    const int64_t expert = index / groups / rows;
    for (int i = 0; i < kMxfp4Block; ++i) {
      const int64_t column = group * kMxfp4Block + i;
      const float expected =
          values.At<float>((expert * groups * kMxfp4Block + column) * rows + row);
      ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(expected))
          << "block " << index << " element " << i << ": " << out[i] << " and " << expected;
    }
  }
}

TEST(Mxfp4Decode, EqualsHuggingFaceOnAllCodesAndScales) {
  ExpectEqualToGolden("all_codes_and_scales.safetensors");
}

TEST(Mxfp4Decode, EqualsHuggingFaceOnRandomExperts) {
  ExpectEqualToGolden("random_experts.safetensors");
}

TEST(Mxfp4Decode, AllCodesTimesAllScalesAreExact) {
  constexpr double kMagnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (int scale = 0; scale < kMxfp4NanScale; ++scale) {
    for (int code = 0; code < 16; ++code) {
      Block packed{};
      packed[3] = static_cast<uint8_t>(code);       // element 6
      packed[5] = static_cast<uint8_t>(code << 4);  // element 11
      Values out;
      DecodeMxfp4Block(packed, static_cast<uint8_t>(scale), out);
      const double magnitude = std::ldexp(kMagnitudes[code % 8], scale - 127);
      const float expected = static_cast<float>(code < 8 ? magnitude : -magnitude);
      for (int element : {6, 11}) {
        EXPECT_EQ(out[element], expected) << "code " << code << " scale " << scale;
        EXPECT_EQ(std::signbit(out[element]), code >= 8);
      }
      EXPECT_EQ(out[7], 0.0f);
      EXPECT_EQ(out[10], 0.0f);
    }
  }
}

TEST(Mxfp4Decode, Scale255IsNan) {
  Block packed{};
  packed[0] = 0x22;
  Values out;
  DecodeMxfp4Block(packed, kMxfp4NanScale, out);
  EXPECT_TRUE(std::isnan(out[0]));
}

TEST(Mxfp4Encode, ReturnsEveryValueTheFormatHolds) {
  for (int scale = 0; scale <= 252; ++scale) {  // above, 6 * 2^(scale - 127) is no float32
    for (int largest = 0; largest < 8; ++largest) {
      Values in{};
      for (int i = 0; i < kMxfp4Block; ++i) {
        const int code = i % 16 % 8 <= largest ? i % 16 : largest;
        in[i] = kE2m1Values[code] * E8m0ToFloat(static_cast<uint8_t>(scale));
      }
      Block packed;
      const uint8_t chosen = EncodeMxfp4Block(in, packed);
      Values out;
      DecodeMxfp4Block(packed, chosen, out);
      for (int i = 0; i < kMxfp4Block; ++i) {
        ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(in[i]))
            << "scale " << scale << " largest code " << largest << " element " << i;
      }
    }
  }
}

TEST(Mxfp4Encode, RoundsToNearestWithTiesToEven) {
  struct Case {
    float value;
    float expected;
  };
  constexpr Case kCases[] = {{0.25f, 0},     {0.26f, 0.5f}, {0.74f, 0.5f}, {0.75f, 1},  {1.24f, 1},
                             {1.25f, 1},     {1.26f, 1.5f}, {1.75f, 2},    {2.5f, 2},   {2.51f, 3},
                             {3.49f, 3},     {3.5f, 4},     {4.99f, 4},    {5, 4},      {5.01f, 6},
                             {-0.25f, -0.f}, {-0.75f, -1},  {-2.5f, -2},   {-5.5f, -6}, {6, 6}};
  for (const Case& test : kCases) {
    Values in{};
    in[0] = 6;  // fixes the scale at 1
    in[1] = test.value;
    Block packed;
    EXPECT_EQ(EncodeMxfp4Block(in, packed), 127);
    Values out;
    DecodeMxfp4Block(packed, 127, out);
    EXPECT_EQ(out[1], test.expected) << test.value;
    EXPECT_EQ(std::signbit(out[1]), std::signbit(test.value));
  }
}

TEST(Mxfp4Encode, ChoosesTheSmallestScaleThatDoesNotSaturate) {
  const auto scale_of = [](float largest) {
    Values in{};
    in[17] = -largest;
    Block packed;
    return static_cast<int>(EncodeMxfp4Block(in, packed));
  };
  EXPECT_EQ(scale_of(6.0f), 127);
  EXPECT_EQ(scale_of(std::nextafter(6.0f, 7.0f)), 128);
  EXPECT_EQ(scale_of(3.0f), 126);
  EXPECT_EQ(scale_of(std::nextafter(3.0f, 4.0f)), 127);
  EXPECT_EQ(scale_of(0.0f), 127);
  EXPECT_EQ(scale_of(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(scale_of(std::numeric_limits<float>::max()), 253);
}

TEST(Mxfp4Encode, NonFiniteInputGivesTheNanScale) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Values in{};
    in[31] = bad;
    Block packed;
    EXPECT_EQ(EncodeMxfp4Block(in, packed), kMxfp4NanScale);
  }
}

TEST(Mxfp4Encode, ErrorStaysWithinHalfAStep) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05f);
  for (int round = 0; round < 1000; ++round) {
    Values in;
    for (float& value : in) value = normal(random);
    Block packed;
    const uint8_t scale = EncodeMxfp4Block(in, packed);
    Values out;
    DecodeMxfp4Block(packed, scale, out);
    for (int i = 0; i < kMxfp4Block; ++i) {
      // The widest step, from 4 to 6, is two scales.
      EXPECT_LE(std::fabs(out[i] - in[i]), E8m0ToFloat(scale));
    }
  }
}

}  // namespace
}  // namespace fairlead
