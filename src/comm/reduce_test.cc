#include "comm/reduce.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "tensor/float_conversion.h"

namespace tutti {
namespace {

template <typename T>
std::vector<T> reduced(DType dtype, Reduce reduce, const std::vector<std::vector<T>>& operands) {
  std::vector<T> result(operands[0].size());
  std::vector<const void*> in;
  for (const auto& operand : operands) in.push_back(operand.data());
  void* const out = result.data();
  reduce_elements(dtype, reduce, in, {&out, 1}, static_cast<int64_t>(result.size()));
  return result;
}

TEST(Reduce, IntegersWrap) {
  constexpr int32_t kLargest = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(reduced<int32_t>(DType::kI32, Reduce::kSum, {{kLargest, -1}, {1, -1}}),
            (std::vector<int32_t>{std::numeric_limits<int32_t>::min(), -2}));
  EXPECT_EQ(reduced<uint8_t>(DType::kU8, Reduce::kSum, {{200}, {100}}), std::vector<uint8_t>{44});
}

TEST(Reduce, SixteenBitFloatsAreRoundedOnce) {
  const uint16_t one = f32_to_bf16(1), small = f32_to_bf16(0x1p-8f);
  // 1 + 2^-8 alone rounds to 1.
  EXPECT_EQ(reduced<uint16_t>(DType::kBF16, Reduce::kSum, {{one}, {small}, {small}}),
            std::vector<uint16_t>{f32_to_bf16(1 + 0x1p-7f)});
  EXPECT_EQ(reduced<uint16_t>(DType::kF16, Reduce::kMax, {{f32_to_f16(-2)}, {f32_to_f16(-3)}}),
            std::vector<uint16_t>{f32_to_f16(-2)});
}

TEST(Reduce, AMaximumIsNaNWithAnyOperand) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> found =
      reduced<float>(DType::kF32, Reduce::kMax, {{nan, 1, 1, 1}, {1, nan, 2, 1}, {1, 1, 1, 3}});
  EXPECT_NE(found[0], found[0]);
  EXPECT_NE(found[1], found[1]);
  EXPECT_EQ(found[2], 2);
  EXPECT_EQ(found[3], 3);
}

// Many elements to several results, on and off cache lines, of which none or one is an operand.
TEST(Reduce, ManyElementsToSeveralResults) {
  constexpr int64_t kCount = (1 << 20) + 5;
  std::vector<float> a(kCount), b(kCount), expected(kCount);
  for (int64_t i = 0; i < kCount; ++i) {
    a[i] = static_cast<float>(i % 1001) * 0.1f;
    b[i] = static_cast<float>(i % 13) * 0.01f;
    expected[i] = a[i] + b[i];
  }
  const void* const operands[] = {a.data(), b.data()};
  std::vector<float> even(kCount + 1), odd(kCount + 1);
  void* const others[] = {even.data(), odd.data() + 1};
  reduce_elements(DType::kF32, Reduce::kSum, operands, others, kCount);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), even.begin()));
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), odd.begin() + 1));
  EXPECT_EQ(even[kCount], 0);
  void* const in_place[] = {b.data(), even.data()};
  reduce_elements(DType::kF32, Reduce::kSum, operands, in_place, kCount);
  EXPECT_EQ(b, expected);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), even.begin()));
}

}  // namespace
}  // namespace tutti
