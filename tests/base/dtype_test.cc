#include "base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace fairlead {
namespace {

constexpr DType kAll[] = {DType::kF32, DType::kF16, DType::kBf16, DType::kI8,  DType::kU8,
                          DType::kI16, DType::kU16, DType::kI32,  DType::kU32, DType::kI64,
                          DType::kU64, DType::kF64, DType::kBool};

TEST(DType, NamesAndSizesBelongToTheRightType) {
  for (DType dtype : kAll) EXPECT_EQ(ParseDType(DTypeName(dtype)), dtype);
  EXPECT_EQ(DTypeName(DType::kBf16), "BF16");
  EXPECT_EQ(DTypeName(DType::kBool), "BOOL");
  EXPECT_EQ(DTypeSize(DType::kBool), 1);
  for (DType dtype : kAll) {  // the number in the name is the width in bits
    if (dtype == DType::kBool) continue;
    const std::string name(DTypeName(dtype));
    EXPECT_EQ(std::stoi(name.substr(name.find_first_of("0123456789"))), 8 * DTypeSize(dtype));
  }
}

TEST(DType, UnknownNamesAreNotGuessed) {
  for (const char* name : {"", "f32", "F8_E4M3", "BF16 ", "F4"}) {
    EXPECT_FALSE(ParseDType(name).has_value()) << name;
  }
}

TEST(Bf16, EveryValueSurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const Bf16 value{static_cast<uint16_t>(bits)};
    const float wide = Bf16ToFloat(value);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(Bf16ToFloat(FloatToBf16(wide))));
    } else {
      EXPECT_EQ(FloatToBf16(wide).bits, bits);
    }
  }
}

TEST(Bf16, RoundsToNearestWithTiesToEven) {
  const auto round = [](uint32_t bits) { return FloatToBf16(std::bit_cast<float>(bits)).bits; };
  EXPECT_EQ(round(0x3f800000), 0x3f80);
  EXPECT_EQ(round(0x3f807fff), 0x3f80);
  EXPECT_EQ(round(0x3f808000), 0x3f80);  // tie, down to even
  EXPECT_EQ(round(0x3f808001), 0x3f81);
  EXPECT_EQ(round(0x3f818000), 0x3f82);  // tie, up to even
  EXPECT_EQ(round(0xbf818000), 0xbf82);
  EXPECT_EQ(round(0x00000001), 0x0000);
  EXPECT_EQ(round(0x00018000), 0x0002);  // subnormals round alike
  EXPECT_EQ(round(0x7f7fffff), 0x7f80);  // the largest float is nearest to infinity
  EXPECT_EQ(round(0x7f800000), 0x7f80);
}

TEST(Bf16, NanStaysNanWhateverItsPayload) {
  for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    const Bf16 rounded = FloatToBf16(std::bit_cast<float>(bits));
    EXPECT_TRUE(std::isnan(Bf16ToFloat(rounded))) << bits;
    EXPECT_EQ(rounded.bits >> 15, bits >> 31);
  }
}

TEST(F16, ConvertsEveryFiniteValueExactly) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31);
    if (exponent == 31) continue;
    const int mantissa = static_cast<int>(bits & 1023);
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    const float value = F16ToFloat(static_cast<uint16_t>(bits));
    EXPECT_EQ(value, bits >> 15 ? -magnitude : magnitude) << bits;
    EXPECT_EQ(std::signbit(value), bits >> 15 != 0);
  }
}

TEST(F16, KeepsInfinitiesAndNan) {
  EXPECT_EQ(F16ToFloat(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(F16ToFloat(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(F16ToFloat(0x7c01)));
  EXPECT_TRUE(std::isnan(F16ToFloat(0xfe00)));
}

TEST(E8m0, IsAPowerOfTwoForEveryCodeBut255) {
  for (int code = 0; code < 255; ++code) {
    EXPECT_EQ(E8m0ToFloat(static_cast<uint8_t>(code)), std::ldexp(1.0f, code - 127)) << code;
  }
  EXPECT_TRUE(std::isnan(E8m0ToFloat(255)));
}

TEST(E2m1, HasTheValuesOfTheStandardOnBothSides) {
  constexpr float kPositive[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  for (int code = 0; code < 8; ++code) {
    EXPECT_EQ(kE2m1Values[code], kPositive[code]);
    EXPECT_EQ(kE2m1Values[code + 8], -kPositive[code]);
    EXPECT_TRUE(std::signbit(kE2m1Values[code + 8]));
  }
}

}  // namespace
}  // namespace fairlead
