#include "kernels/cpu/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu::elementwise_test {
namespace {

using Vector = std::vector<float>;

// One entry a kernel: up to three inputs, one or two outputs, each of `count` elements.
struct Case {
  const char* name;
  std::function<void(const Kernels&, const Vector (&in)[3], int64_t offset, int64_t count,
                     float* out, float* out2, int threads)>
      run;
};

const Case kCases[] = {
    {"add", [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float*,
               int threads) { k.add(in[0].data() + at, in[1].data() + at, count, out, threads); }},
    {"scale",
     [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float*, int threads) {
       const float factor = -1.7f;
       k.scale(in[0].data() + at, &factor, count, out, threads);
     }},
    {"fill", [](const Kernels& k, auto&, int64_t, int64_t count, float* out, float*,
                int threads) { k.fill(0.3f, count, out, threads); }},
    {"gelu_tanh", [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float*,
                     int threads) { k.gelu_tanh(in[0].data() + at, count, out, threads); }},
    {"gelu_tanh_grad",
     [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float*, int threads) {
       k.gelu_tanh_grad(in[1].data() + at, in[0].data() + at, count, out, threads);
     }},
    {"swiglu",
     [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float*, int threads) {
       k.swiglu(in[0].data() + at, in[1].data() + at, count, out, threads);
     }},
    {"swiglu_grad",
     [](const Kernels& k, auto& in, int64_t at, int64_t count, float* out, float* out2,
        int threads) {
       k.swiglu_grad(in[2].data() + at, in[0].data() + at, in[1].data() + at, count, out, out2,
                     threads);
     }},
};

// Runs elements [offset, offset + count); both outputs one after the other, then a guard element.
Vector run(const Case& test, const Kernels& kernels, const Vector (&in)[3], int64_t offset,
           int64_t count, int threads) {
  Vector out(static_cast<size_t>(2 * count + 1), -7.0f);
  test.run(kernels, in, offset, count, out.data(), out.data() + count, threads);
  return out;
}

TEST(Elementwise, FastTablesMatchTheOracleAndWriteNothingBehind) {
  RandomInputs random;
  for (const int64_t count : {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 4097, 20000}) {
    const Vector in[3] = {random.normal(count, 3.0f), random.normal(count), random.normal(count)};
    for (const Case& test : kCases) {
      const Vector expected = run(test, oracle_kernels(), in, 0, count, 1);
      for (const Kernels* kernels : fast_tables()) {
        const Vector actual = run(test, *kernels, in, 0, count, 2);
        EXPECT_LT(max_relative_error(actual, expected, 0.1), 5e-6)
            << test.name << " " << kernels->name << " count " << count;
        EXPECT_EQ(actual.back(), -7.0f) << test.name << " " << kernels->name;
      }
    }
  }
}

TEST(Elementwise, BitsDependNeitherOnThreadsNorOnTheRange) {
  RandomInputs random;
  constexpr int64_t kCount = 9000;
  const Vector in[3] = {random.normal(kCount, 3.0f), random.normal(kCount), random.normal(kCount)};
  for (const Kernels* kernels : all_tables()) {
    for (const Case& test : kCases) {
      const Vector whole = run(test, *kernels, in, 0, kCount, 1);
      EXPECT_TRUE(same_bits(whole, run(test, *kernels, in, 0, kCount, 2)))
          << test.name << " " << kernels->name;
      for (const int64_t begin : {1, 6, 4095}) {
        constexpr int64_t kPart = 37;
        const Vector part = run(test, *kernels, in, begin, kPart, 1);
        const std::span<const float> all(whole), cut(part);
        EXPECT_TRUE(same_bits(cut.first(kPart), all.subspan(begin, kPart)))
            << test.name << " " << kernels->name << " from " << begin;
      }
    }
  }
}

TEST(Elementwise, AnOutputMayAliasAnInput) {
  RandomInputs random;
  constexpr int64_t kCount = 1003;
  const Vector x = random.normal(kCount), up = random.normal(kCount), dy = random.normal(kCount);
  for (const Kernels* kernels : all_tables()) {
    Vector expected(kCount), second(kCount), in_place = x, other = up;
    kernels->gelu_tanh(x.data(), kCount, expected.data(), 1);
    kernels->gelu_tanh(in_place.data(), kCount, in_place.data(), 1);
    EXPECT_TRUE(same_bits(in_place, expected)) << kernels->name;

    in_place = x;
    kernels->swiglu_grad(dy.data(), x.data(), up.data(), kCount, expected.data(), second.data(), 1);
    kernels->swiglu_grad(dy.data(), in_place.data(), other.data(), kCount, in_place.data(),
                         other.data(), 1);
    EXPECT_TRUE(same_bits(in_place, expected)) << kernels->name;
    EXPECT_TRUE(same_bits(other, second)) << kernels->name;

    in_place = x;
    kernels->add(x.data(), up.data(), kCount, expected.data(), 1);
    kernels->add(in_place.data(), up.data(), kCount, in_place.data(), 1);
    EXPECT_TRUE(same_bits(in_place, expected)) << kernels->name;
  }
}

TEST(Elementwise, ActivationsAreRightFarFromZeroAndKeepNan) {
  const Vector x = {-1e30f, -200.0f, -30.0f, -9.0f,  -1e-30f, 0.0f,
                    1e-30f, 9.0f,    30.0f,  200.0f, 1e15f,   std::nanf("")};
  const int64_t count = static_cast<int64_t>(x.size());
  const Vector ones(x.size(), 1.0f);
  for (const Kernels* kernels : fast_tables()) {
    for (const Case& test : kCases) {
      const Vector in[3] = {x, ones, ones};
      const Vector expected = run(test, oracle_kernels(), in, 0, count, 1);
      EXPECT_LT(max_relative_error(run(test, *kernels, in, 0, count, 1), expected, 1e-10), 3e-5)
          << test.name << " " << kernels->name;
    }
  }
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double silu(double x) { return x / (1 + std::exp(-x)); }

template <typename Function>
double slope(Function f, double x) {
  constexpr double kStep = 1e-5;
  return (f(x + kStep) - f(x - kStep)) / (2 * kStep);
}

TEST(Elementwise, OracleGradientsAreFiniteDifferences) {
  RandomInputs random;
  constexpr int64_t kCount = 200;
  const Vector x = random.normal(kCount, 2.0f), up = random.normal(kCount);
  const Vector dy = random.normal(kCount);
  Vector y(kCount), dx(kCount), dup(kCount);
  oracle_kernels().gelu_tanh(x.data(), kCount, y.data(), 1);
  oracle_kernels().gelu_tanh_grad(dy.data(), x.data(), kCount, dx.data(), 1);
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_NEAR(y[i], gelu(x[i]), 1e-6 * (1 + std::abs(y[i])));
    EXPECT_NEAR(dx[i], dy[i] * slope(gelu, x[i]), 1e-6 * (1 + std::abs(dx[i])));
  }
  oracle_kernels().swiglu(x.data(), up.data(), kCount, y.data(), 1);
  oracle_kernels().swiglu_grad(dy.data(), x.data(), up.data(), kCount, dx.data(), dup.data(), 1);
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_NEAR(y[i], silu(x[i]) * up[i], 1e-6 * (1 + std::abs(y[i])));
    EXPECT_NEAR(dx[i], dy[i] * up[i] * slope(silu, x[i]), 1e-6 * (1 + std::abs(dx[i])));
    EXPECT_NEAR(dup[i], dy[i] * silu(x[i]), 1e-6 * (1 + std::abs(dup[i])));
  }
}

}  // namespace
}  // namespace tutti::cpu::elementwise_test
