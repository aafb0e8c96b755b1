#include "kernels/cpu/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu::rope_test {
namespace {

using Vector = std::vector<float>;

struct Inputs {
  int64_t n, heads, head_dim;
  Vector x, frequency;
  std::vector<int32_t> positions;
};

Inputs random_inputs(RandomInputs& random, int64_t n, int64_t heads, int64_t head_dim,
                     int32_t last_position) {
  Inputs in{n,        heads,
            head_dim, random.normal(n * heads * head_dim),
            {},       random.integers(n, 0, last_position)};
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    in.frequency.push_back(std::pow(10000.0f, -2.0f * i / static_cast<float>(head_dim)));
  }
  return in;
}

Vector run(const Kernels& kernels, const Inputs& in, int64_t token, int64_t n, bool inverse,
           int threads) {
  const int64_t row = in.heads * in.head_dim;
  Vector y(static_cast<size_t>(n * row));
  kernels.rope(in.x.data() + token * row, in.positions.data() + token, in.frequency.data(), n,
               in.heads, in.head_dim, inverse, y.data(), threads);
  return y;
}

constexpr int64_t kShapes[][3] = {{1, 1, 2}, {5, 3, 6}, {4, 2, 64}, {7, 5, 80}, {3, 1, 640}};

TEST(Rope, FastTablesMatchTheOracleAtSmallAndLargePositions) {
  RandomInputs random;
  for (const auto& [n, heads, head_dim] : kShapes) {
    for (const int32_t last : {10, 4096, 1'000'000}) {
      const Inputs in = random_inputs(random, n, heads, head_dim, last);
      for (const bool inverse : {false, true}) {
        const Vector expected = run(oracle_kernels(), in, 0, n, inverse, 1);
        for (const Kernels* kernels : fast_tables()) {
          EXPECT_LT(max_relative_error(run(*kernels, in, 0, n, inverse, 2), expected), 1e-6)
              << kernels->name << " " << n << " x " << heads << " x " << head_dim;
        }
      }
    }
  }
}

TEST(Rope, InverseUndoesItAndInPlaceIsTheSame) {
  RandomInputs random;
  const Inputs in = random_inputs(random, 6, 3, 48, 2048);
  for (const Kernels* kernels : all_tables()) {
    Vector x = in.x;
    kernels->rope(x.data(), in.positions.data(), in.frequency.data(), 6, 3, 48, false, x.data(), 1);
    EXPECT_TRUE(same_bits(x, run(*kernels, in, 0, 6, false, 1))) << kernels->name;
    EXPECT_GT(max_relative_error(x, in.x), 0.1) << kernels->name;
    kernels->rope(x.data(), in.positions.data(), in.frequency.data(), 6, 3, 48, true, x.data(), 1);
    EXPECT_LT(max_relative_error(x, in.x), 2e-6) << kernels->name;
  }
}

// A rotation's gradient is the rotation back, so this is the gradient check too.
TEST(Rope, OracleRotatesPairsOfTheHalfSplitOrder) {
  const float x[] = {1, 0, 0, 1}, frequency[] = {0.5f, 0.25f};  // pairs (x0, x2) and (x1, x3)
  const int32_t position = 3;
  float y[4];
  oracle_kernels().rope(x, &position, frequency, 1, 1, 4, false, y, 1);
  EXPECT_FLOAT_EQ(y[0], std::cos(1.5f));
  EXPECT_FLOAT_EQ(y[2], std::sin(1.5f));
  EXPECT_FLOAT_EQ(y[1], -std::sin(0.75f));
  EXPECT_FLOAT_EQ(y[3], std::cos(0.75f));
}

TEST(Rope, BitsDependNeitherOnThreadsNorOnOtherTokensOrHeads) {
  RandomInputs random;
  for (const auto& [n, heads, head_dim] : kShapes) {
    const Inputs in = random_inputs(random, n, heads, head_dim, 5000);
    for (const Kernels* kernels : all_tables()) {
      const Vector whole = run(*kernels, in, 0, n, false, 1);
      EXPECT_TRUE(same_bits(whole, run(*kernels, in, 0, n, false, 2))) << kernels->name;
      const std::span<const float> all(whole), row = all.last(heads * head_dim);
      const Vector last = run(*kernels, in, n - 1, 1, false, 1);
      EXPECT_TRUE(same_bits(std::span<const float>(last), row)) << kernels->name;
      Vector head(static_cast<size_t>(head_dim));  // the last head of the last token alone
      kernels->rope(in.x.data() + (n * heads - 1) * head_dim, in.positions.data() + n - 1,
                    in.frequency.data(), 1, 1, head_dim, false, head.data(), 1);
      EXPECT_TRUE(same_bits(std::span<const float>(head), row.last(head_dim))) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::rope_test
