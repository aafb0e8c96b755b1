#include "tensor/float_conversion.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace tutti {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Every 16-bit pattern is a number that F32 holds exactly.
TEST(FloatConversion, RoundTripsEverySixteenBitPattern) {
  for (uint32_t i = 0; i <= 0xffff; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float bf16 = bf16_to_f32(bits), f16 = f16_to_f32(bits);
    if (std::isnan(bf16)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(bf16))));
    } else {
      EXPECT_EQ(f32_to_bf16(bf16), bits);
    }
    if (std::isnan(f16)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(f16))));
    } else {
      EXPECT_EQ(f32_to_f16(f16), bits);
    }
  }
}

TEST(FloatConversion, ReadsF16ByItsDefinition) {
  for (uint32_t i = 0; i < 0x7c00; ++i) {
    const int exponent = static_cast<int>(i >> 10);
    const int fraction = static_cast<int>(i & 0x3ff);
    const double value =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(f16_to_f32(static_cast<uint16_t>(i)), value);
    EXPECT_EQ(f16_to_f32(static_cast<uint16_t>(i | 0x8000)), -value);
  }
  EXPECT_EQ(f16_to_f32(0x7c00), kInfinity);
}

// Between two neighbours the nearer is taken, and of equal ones the even.
TEST(FloatConversion, RoundsToTheNearestTiesToEven) {
  for (uint32_t i = 0; i < 0x7bff; ++i) {
    const auto low = static_cast<uint16_t>(i), high = static_cast<uint16_t>(i + 1);
    const float a = f16_to_f32(low), b = f16_to_f32(high);
    const float middle = a + (b - a) / 2;  // exact
    EXPECT_EQ(f32_to_f16(middle), i % 2 == 0 ? low : high);
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), low);
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, kInfinity)), high);
  }
  for (uint32_t i = 1; i < 0x7f7f; ++i) {
    const auto low = static_cast<uint16_t>(i), high = static_cast<uint16_t>(i + 1);
    const float middle = std::bit_cast<float>(i << 16 | 0x8000u);
    EXPECT_EQ(f32_to_bf16(middle), i % 2 == 0 ? low : high);
    EXPECT_EQ(f32_to_bf16(std::nextafter(middle, 0.0f)), low);
    EXPECT_EQ(f32_to_bf16(std::nextafter(middle, kInfinity)), high);
  }
}

TEST(FloatConversion, GoesToInfinityWhereTheTypeEnds) {
  EXPECT_EQ(f16_to_f32(f32_to_f16(65519.0f)), 65504.0f);
  EXPECT_EQ(f16_to_f32(f32_to_f16(65520.0f)), kInfinity);
  EXPECT_EQ(f16_to_f32(f32_to_f16(-1e30f)), -kInfinity);
  EXPECT_EQ(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::max())), kInfinity);
}

TEST(FloatConversion, ConvertsArraysAtAnyAddress) {
  const std::vector<float> values = {0.0f, -1.5f, 3.25f, 1e-3f};
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    std::vector<char> bytes(1 + values.size() * dtype_bytes(dtype));
    std::vector<float> back(values.size());
    convert_from_f32(dtype, values, std::span(bytes).subspan(1));
    convert_to_f32(dtype, std::span(bytes).subspan(1), back);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(back[i], values[i], 4e-3f);
    EXPECT_EQ(back[1], -1.5f);
  }
}

}  // namespace
}  // namespace tutti
