#include "tensor/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti {
namespace {

TEST(Bfloat16, EveryNumberComesBack) {
  for (uint32_t bits = 0; bits < 1u << 16; ++bits) {
    const float x = bf16_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(x)) continue;
    ASSERT_EQ(float_to_bf16(x), bits);
  }
}

// Of the two neighbours of each number, the nearer one; between them, the even one.
TEST(Bfloat16, RoundsToNearestAndTiesToEven) {
  for (uint32_t low = 0; low < 0x7f80; ++low) {  // the next one after the last is infinity
    const uint32_t middle = low << 16 | 0x8000;
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>(middle - 1)), low);
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>(middle)), low + (low & 1));
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>(middle + 1)), low + 1);
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>(1u << 31 | (middle + 1))), 0x8000 + low + 1);
  }
}

TEST(Bfloat16, ANanStaysANan) {
  for (const uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffc00000u}) {
    EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(bits)))));
  }
}

TEST(Bfloat16, InfinityStays) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bf16_to_float(float_to_bf16(kInfinity)), kInfinity);
  EXPECT_EQ(bf16_to_float(float_to_bf16(-kInfinity)), -kInfinity);
  EXPECT_EQ(bf16_to_float(float_to_bf16(std::numeric_limits<float>::max())), kInfinity);
}

}  // namespace
}  // namespace tutti
