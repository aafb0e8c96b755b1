#include "kernels/cpu/kernel_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/float_conversion.h"

namespace tutti::cpu::linear_bf16_test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  int64_t m, n, k;
};

// One token and several; tails of vectors and rows; more than one panel (k of 9000).
constexpr Case kCases[] = {{1, 1, 1},    {1, 5, 300},   {1, 83, 31},   {1, 517, 576}, {2, 3, 17},
                           {16, 40, 64}, {33, 65, 131}, {5, 300, 9000}, {0, 4, 8},   {3, 0, 8},
                           {3, 4, 0},    {1, 4, 0}};

struct Inputs {
  std::vector<float> x, bias;
  std::vector<uint16_t> w;
  std::vector<float> wide;  // the same weight
};

Inputs make_inputs(RandomInputs& random, const Case& c) {
  Inputs in{random.normal(c.m * c.k), random.normal(c.n), {}, random.normal(c.n * c.k)};
  for (float& w : in.wide) {
    in.w.push_back(f32_to_bf16(w));
    w = bf16_to_f32(in.w.back());
  }
  return in;
}

std::vector<float> run(const Kernels& kernels, const Case& c, const Inputs& in, bool with_bias,
                       int threads) {
  std::vector<float> y(static_cast<size_t>(c.m * c.n), kNan);
  std::vector<char> workspace(kernels.linear_bf16_workspace_bytes(c.m, c.n, c.k, threads));
  kernels.linear_bf16(in.x.data(), in.w.data(), with_bias ? in.bias.data() : nullptr, c.m, c.n, c.k,
                      y.data(), workspace.data(), threads);
  return y;
}

TEST(LinearBf16, EqualsTheProductWithTheWidenedWeight) {
  RandomInputs random;
  for (const Case& c : kCases) {
    const Inputs in = make_inputs(random, c);
    for (const bool with_bias : {false, true}) {
      std::vector<float> expected(static_cast<size_t>(c.m * c.n), kNan);
      oracle_kernels().matmul({.m = c.m,
                               .n = c.n,
                               .k = c.k,
                               .a = in.x.data(),
                               .lda = c.k,
                               .transpose_a = false,
                               .b = in.wide.data(),
                               .ldb = c.k,
                               .transpose_b = true,
                               .c = expected.data(),
                               .ldc = c.n,
                               .bias_n = with_bias ? in.bias.data() : nullptr},
                              nullptr, 1);
      EXPECT_EQ(run(oracle_kernels(), c, in, with_bias, 1), expected);
      for (const Kernels* kernels : fast_tables()) {
        for (const int threads : {1, 2}) {
          const auto actual = run(*kernels, c, in, with_bias, threads);
          EXPECT_LT(max_relative_error(actual, expected, std::sqrt(c.k + 1.0)), 4e-6)
              << kernels->name << " m=" << c.m << " n=" << c.n << " k=" << c.k
              << " threads=" << threads;
        }
      }
    }
  }
}

// Nothing rounds: one token has the bits that it has with the widened weight.
TEST(LinearBf16, OneTokenHasTheBitsOfTheWidenedWeight) {
  RandomInputs random;
  const Case c{1, 517, 576};
  const Inputs in = make_inputs(random, c);
  for (const Kernels* kernels : fast_tables()) {
    std::vector<float> wide(static_cast<size_t>(c.n), kNan);
    kernels->matmul({.m = 1,
                     .n = c.n,
                     .k = c.k,
                     .a = in.x.data(),
                     .lda = c.k,
                     .transpose_a = false,
                     .b = in.wide.data(),
                     .ldb = c.k,
                     .transpose_b = true,
                     .c = wide.data(),
                     .ldc = c.n},
                    nullptr, 1);
    for (const int threads : {1, 2}) {
      EXPECT_TRUE(same_bits(run(*kernels, c, in, false, threads), wide)) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::linear_bf16_test
