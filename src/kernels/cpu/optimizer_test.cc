#include "kernels/cpu/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu::optimizer_test {
namespace {

using Vector = std::vector<float>;

constexpr AdamW kConfig = {.lr = 3e-3f,
                           .beta1 = 0.9f,
                           .beta2 = 0.95f,
                           .epsilon = 1e-8f,
                           .weight_decay = 0.1f,
                           .bias_correction1 = 0.1f,
                           .bias_correction2 = 0.05f};

struct State {
  Vector p, m, v;
};

State random_state(RandomInputs& random, int64_t count) {
  return {random.normal(count), random.normal(count, 0.1f), random.uniform(count, 0.0f, 0.1f)};
}

void step(const Kernels& kernels, State& state, const Vector& grad, int64_t begin, int64_t count,
          float skip, int threads) {
  const float scale = 0.25f;
  kernels.adamw(state.p.data() + begin, state.m.data() + begin, state.v.data() + begin,
                grad.data() + begin, &scale, &skip, count, kConfig, threads);
}

TEST(AdamW, OneElementFollowsTheFormula) {
  State state{{2.0f}, {0.5f}, {0.04f}};
  const Vector grad = {4.0f};  // scaled: 1
  step(oracle_kernels(), state, grad, 0, 1, 0.0f, 1);
  const double m = 0.9 * 0.5 + 0.1, v = 0.95 * 0.04 + 0.05;
  const double decayed = 2.0 * (1 - 3e-3 * 0.1);
  const double expected = decayed - 3e-3 * (m / 0.1) / (std::sqrt(v / 0.05) + 1e-8);
  EXPECT_NEAR(state.m[0], m, 1e-6);
  EXPECT_NEAR(state.v[0], v, 1e-7);
  EXPECT_NEAR(state.p[0], expected, 1e-6);
}

TEST(AdamW, FastTablesMatchTheOracle) {
  RandomInputs random;
  for (const int64_t count : {0, 1, 3, 8, 17, 31, 5000}) {
    const State start = random_state(random, count);
    const Vector grad = random.normal(count);
    State expected = start;
    step(oracle_kernels(), expected, grad, 0, count, 0.0f, 1);
    for (const Kernels* kernels : fast_tables()) {
      State actual = start;
      step(*kernels, actual, grad, 0, count, 0.0f, 2);
      EXPECT_LT(max_relative_error(actual.p, expected.p, 0.01), 1e-6) << kernels->name;
      EXPECT_LT(max_relative_error(actual.m, expected.m, 0.01), 1e-6) << kernels->name;
      EXPECT_LT(max_relative_error(actual.v, expected.v, 0.01), 1e-6) << kernels->name;
    }
  }
}

TEST(AdamW, SkippingChangesNothingEvenWhenTheGradientIsNotFinite) {
  RandomInputs random;
  const State start = random_state(random, 100);
  const Vector grad(100, std::nanf(""));
  for (const Kernels* kernels : all_tables()) {
    State state = start;
    step(*kernels, state, grad, 0, 100, 1.0f, 1);
    EXPECT_TRUE(same_bits(state.p, start.p)) << kernels->name;
    EXPECT_TRUE(same_bits(state.m, start.m)) << kernels->name;
    EXPECT_TRUE(same_bits(state.v, start.v)) << kernels->name;
  }
}

TEST(AdamW, BitsDependNeitherOnThreadsNorOnTheRange) {
  RandomInputs random;
  constexpr int64_t kCount = 9001;
  const State start = random_state(random, kCount);
  const Vector grad = random.normal(kCount);
  for (const Kernels* kernels : all_tables()) {
    State whole = start, two_threads = start, parts = start;
    step(*kernels, whole, grad, 0, kCount, 0.0f, 1);
    step(*kernels, two_threads, grad, 0, kCount, 0.0f, 2);
    for (const auto& [begin, end] : {std::pair{0, 13}, {13, 14}, {14, 9001}}) {
      step(*kernels, parts, grad, begin, end - begin, 0.0f, 1);
    }
    for (const State& other : {two_threads, parts}) {
      EXPECT_TRUE(same_bits(whole.p, other.p)) << kernels->name;
      EXPECT_TRUE(same_bits(whole.m, other.m)) << kernels->name;
      EXPECT_TRUE(same_bits(whole.v, other.v)) << kernels->name;
    }
  }
}

TEST(SumSquares, MatchesTheOracleAndAccumulates) {
  RandomInputs random;
  for (const int64_t count : {0, 1, 7, 16, 33, 4096, 4097, 70001}) {
    const Vector x = random.normal(count);
    for (const bool accumulate : {false, true}) {
      double expected = 5.0;
      oracle_kernels().sum_squares(x.data(), count, &expected, accumulate, 1);
      EXPECT_NEAR(expected, accumulate ? count + 5.0 : count, 10 * std::sqrt(count + 1.0));
      for (const Kernels* kernels : fast_tables()) {
        double actual = 5.0;
        kernels->sum_squares(x.data(), count, &actual, accumulate, 2);
        EXPECT_NEAR(actual, expected, 1e-13 * (1 + expected)) << kernels->name << " " << count;
      }
    }
  }
}

TEST(SumSquares, BitsDoNotDependOnThreadsAndOverflowNowhere) {
  RandomInputs random;
  const Vector x = random.normal(5'000'000), huge(9, 1e30f);
  for (const Kernels* kernels : fast_tables()) {
    double one = 0, two = 0;
    kernels->sum_squares(x.data(), 5'000'000, &one, false, 1);
    kernels->sum_squares(x.data(), 5'000'000, &two, false, 2);
    EXPECT_EQ(one, two) << kernels->name;
    kernels->sum_squares(huge.data(), 9, &one, false, 1);
    EXPECT_NEAR(one / 9e60, 1.0, 1e-6) << kernels->name;
  }
}

}  // namespace
}  // namespace tutti::cpu::optimizer_test
