#include "kernels/cpu/kernel_test.h"

#include <gtest/gtest.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <cmath>
#include <limits>

namespace tutti::cpu::matmul_test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kUntouched = -12345.0f;

struct Case {
  int64_t m, n, k;
  int64_t gap;  // elements between the end of a row and the next one
};

constexpr Case kCases[] = {
    {1, 1, 1, 0},    {1, 37, 19, 0},  {5, 1, 7, 3},     {3, 5, 0, 1},    {1, 1, 300, 0},
    {33, 65, 17, 5}, {64, 64, 64, 0}, {129, 50, 96, 2}, {300, 13, 1, 0}, {17, 250, 131, 0},
};

// A rows x columns matrix with `gap` elements behind each row that no kernel may look at.
std::vector<float> with_gaps(RandomInputs& random, int64_t rows, int64_t columns, int64_t gap,
                             float gap_value) {
  std::vector<float> values = random.normal(rows * (columns + gap));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = columns; j < columns + gap; ++j) values[i * (columns + gap) + j] = gap_value;
  }
  return values;
}

std::vector<float> run(const Kernels& kernels, Matmul problem, const std::vector<float>& c,
                       int threads) {
  std::vector<float> out = c;
  std::vector<char> workspace(kernels.matmul_workspace_bytes(problem, threads));
  problem.c = out.data();
  kernels.matmul(problem, workspace.data(), threads);
  return out;
}

TEST(MatmulOracle, GivesTheProductThatWasWorkedOutByHand) {
  const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 2, 1, 0, 3}, bias[] = {10, 20};
  float c[] = {100, 100, 100, 100};
  oracle_kernels().matmul({.m = 2,
                           .n = 2,
                           .k = 3,
                           .a = a,
                           .lda = 3,
                           .transpose_a = false,
                           .b = b,
                           .ldb = 2,
                           .transpose_b = false,
                           .c = c,
                           .ldc = 2,
                           .bias_n = bias},
                          nullptr, 1);
  EXPECT_EQ(std::vector<float>(c, c + 4), (std::vector<float>{15, 31, 24, 43}));
  oracle_kernels().matmul({.m = 2,
                           .n = 2,
                           .k = 3,
                           .a = a,
                           .lda = 2,
                           .transpose_a = true,
                           .b = b,
                           .ldb = 3,
                           .transpose_b = true,
                           .c = c,
                           .ldc = 2,
                           .accumulate = true},
                          nullptr, 1);
  EXPECT_EQ(std::vector<float>(c, c + 4), (std::vector<float>{26, 47, 38, 63}));
}

TEST(Matmul, EqualsTheOracleForEveryLayout) {
  RandomInputs random;
  int threads = 1;
  for (const Case& c : kCases) {
    for (int flags = 0; flags < 16; ++flags) {
      const bool transpose_a = flags & 1, transpose_b = flags & 2, accumulate = flags & 4;
      const auto a = transpose_a ? with_gaps(random, c.k, c.m, c.gap, kNan)
                                 : with_gaps(random, c.m, c.k, c.gap, kNan);
      const auto b = transpose_b ? with_gaps(random, c.n, c.k, c.gap, kNan)
                                 : with_gaps(random, c.k, c.n, c.gap, kNan);
      const auto bias = random.normal(c.n);
      auto out = with_gaps(random, c.m, c.n, c.gap, kUntouched);
      if (!accumulate) {
        for (float& value : out) value = value == kUntouched ? value : kNan;
      }
      const Matmul problem{.m = c.m,
                           .n = c.n,
                           .k = c.k,
                           .a = a.data(),
                           .lda = (transpose_a ? c.m : c.k) + c.gap,
                           .transpose_a = transpose_a,
                           .b = b.data(),
                           .ldb = (transpose_b ? c.k : c.n) + c.gap,
                           .transpose_b = transpose_b,
                           .c = nullptr,
                           .ldc = c.n + c.gap,
                           .bias_n = flags & 8 ? bias.data() : nullptr,
                           .accumulate = accumulate};
      const auto expected = run(oracle_kernels(), problem, out, 1);
      for (const Kernels* kernels : fast_tables()) {
        const auto actual = run(*kernels, problem, out, threads);
        EXPECT_LT(max_relative_error(actual, expected, std::sqrt(c.k + 1.0)), 2e-6)
            << kernels->name << " m=" << c.m << " n=" << c.n << " k=" << c.k << " flags=" << flags
            << " threads=" << threads;
      }
      threads = 3 - threads;  // 1 and 2 in turn
    }
    threads = 3 - threads;  // so that each layout meets both
  }
}

TEST(Matmul, RepeatsItsBitsForOneThreadCount) {
  RandomInputs random;
  const int64_t m = 130, n = 96, k = 700;
  const auto a = random.normal(m * k), b = random.normal(k * n);
  const Matmul problem{.m = m,
                       .n = n,
                       .k = k,
                       .a = a.data(),
                       .lda = k,
                       .transpose_a = false,
                       .b = b.data(),
                       .ldb = n,
                       .transpose_b = false,
                       .c = nullptr,
                       .ldc = n};
  for (const Kernels* kernels : all_tables()) {
    for (const int threads : {1, 2}) {
      const auto first = run(*kernels, problem, std::vector<float>(m * n), threads);
      for (int repeat = 0; repeat < 5; ++repeat) {
        const auto again = run(*kernels, problem, std::vector<float>(m * n, kNan), threads);
        EXPECT_TRUE(same_bits(first, again)) << kernels->name << " threads=" << threads;
      }
    }
  }
}

// One token times a weight: what decoding is made of. Its bits do not depend on the other rows of
// the weight, on the threads, or on where the rows lie.
TEST(Matmul, OneTokensBitsDependOnlyOnItsRow) {
  RandomInputs random;
  for (const int64_t k : {1, 31, 576, 1537}) {
    const int64_t n = 83, gap = 5;
    const auto a = random.normal(k), b = with_gaps(random, n, k, gap, kNan);
    Matmul problem{.m = 1,
                   .n = n,
                   .k = k,
                   .a = a.data(),
                   .lda = k,
                   .transpose_a = false,
                   .b = b.data(),
                   .ldb = k + gap,
                   .transpose_b = true,
                   .c = nullptr,
                   .ldc = n};
    for (const Kernels* kernels : all_tables()) {
      const auto whole = run(*kernels, problem, std::vector<float>(n, kNan), 1);
      EXPECT_TRUE(same_bits(run(*kernels, problem, std::vector<float>(n, kNan), 3), whole))
          << kernels->name << " k=" << k;
      for (const int64_t j : {int64_t{0}, int64_t{17}, n - 1}) {
        Matmul row = problem;
        row.n = 1;
        row.b = b.data() + j * (k + gap);
        EXPECT_EQ(run(*kernels, row, {kNan}, 2)[0], whole[j]) << kernels->name << " row " << j;
      }
    }
  }
}

// Large enough for threads, with sums that add to what was there.
TEST(Matmul, OneTokenEqualsTheOracle) {
  RandomInputs random;
  const int64_t n = 1000, k = 700;
  const auto a = random.normal(k), b = random.normal(n * k), bias = random.normal(n);
  const auto start = random.normal(n);
  Matmul problem{.m = 1,
                 .n = n,
                 .k = k,
                 .a = a.data(),
                 .lda = k,
                 .transpose_a = false,
                 .b = b.data(),
                 .ldb = k,
                 .transpose_b = true,
                 .c = nullptr,
                 .ldc = n};
  for (const bool accumulate : {false, true}) {
    for (const float* added : {static_cast<const float*>(nullptr), bias.data()}) {
      problem.accumulate = accumulate;
      problem.bias_n = added;
      const auto expected = run(oracle_kernels(), problem, start, 1);
      for (const Kernels* kernels : fast_tables()) {
        const auto actual = run(*kernels, problem, start, 2);
        EXPECT_LT(max_relative_error(actual, expected, std::sqrt(k + 1.0)), 2e-6) << kernels->name;
      }
    }
  }
}

#ifdef _OPENMP
TEST(Matmul, LeavesTheCallersThreadCountAlone) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  const std::vector<float> a(16, 1.0f);
  const Matmul problem{.m = 4,
                       .n = 4,
                       .k = 4,
                       .a = a.data(),
                       .lda = 4,
                       .transpose_a = false,
                       .b = a.data(),
                       .ldb = 4,
                       .transpose_b = false,
                       .c = nullptr,
                       .ldc = 4};
  for (const Kernels* kernels : fast_tables()) {
    EXPECT_EQ(run(*kernels, problem, std::vector<float>(16), 1), std::vector<float>(16, 4.0f));
    EXPECT_EQ(omp_get_max_threads(), 3);
  }
  omp_set_num_threads(before);
}
#endif

}  // namespace
}  // namespace tutti::cpu::matmul_test
