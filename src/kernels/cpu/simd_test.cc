
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/cpu/kernel_test.h"
#include "kernels/cpu/simd_probe.h"

namespace tutti::cpu::simd_test {
namespace {

std::vector<const SimdProbe*> probes() {
  std::vector<const SimdProbe*> all = {&portable::kSimdProbe};
  if (has_isa(Isa::kV3)) all.push_back(&v3::kSimdProbe);
  if (has_isa(Isa::kV4)) all.push_back(&v4::kSimdProbe);
  return all;
}

// Every 9973rd of all bit patterns: all exponents, signs, denormals, infinities and NaNs.
std::vector<float> floats_of_every_size() {
  std::vector<float> x = {0.0f,
                          -0.0f,
                          1.0f,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 9973) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  return x;
}

// The distance in units of the last place of the exact value, which is given in double.
double ulps(float actual, double exact) {
  const float rounded = static_cast<float>(exact);
  if (actual == rounded || (std::isnan(actual) && std::isnan(rounded))) return 0;
  if (!std::isfinite(actual) || !std::isfinite(rounded)) {
    return std::numeric_limits<double>::infinity();
  }
  const float size = std::abs(rounded);
  return std::abs(actual - exact) / (std::nextafter(size, 2 * size + 1) - size);
}

// Where the exact value is below `flushed` the result may be 0.
void expect_ulps(SimdProbe::Map* SimdProbe::*function, double (*exact)(double), double ulps_max,
                 double flushed = 0) {
  const std::vector<float> x = floats_of_every_size();
  std::vector<float> y(x.size());
  for (const SimdProbe* probe : probes()) {
    (probe->*function)(x.data(), static_cast<int64_t>(x.size()), y.data());
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (y[i] == 0 && std::abs(exact(x[i])) < flushed) continue;
      const double error = ulps(y[i], exact(x[i]));
      if (error > worst) worst = error, at = x[i];
    }
    EXPECT_LE(worst, ulps_max) << probe->name << " at " << at;
  }
}

TEST(Simd, ExpIsWithinTwoUlpEverywhere) {
  expect_ulps(
      &SimdProbe::exp, [](double x) { return std::exp(x); }, 2);
}
TEST(Simd, LogIsWithinTwoUlpEverywhere) {
  expect_ulps(
      &SimdProbe::log, [](double x) { return std::log(x); }, 2);
}
TEST(Simd, TanhIsWithinTwoUlpEverywhere) {
  expect_ulps(
      &SimdProbe::tanh, [](double x) { return std::tanh(x); }, 2);
}
TEST(Simd, SigmoidIsWithinThreeUlpOrFlushesADenormal) {
  expect_ulps(
      &SimdProbe::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 3,
      std::numeric_limits<float>::min());
}

TEST(Simd, PartialLoadAndStoreTouchOnlyTheFirstLanes) {
  for (const SimdProbe* probe : probes()) {
    for (int count = 0; count <= probe->lanes; ++count) {
      // Exact sizes, so that an address sanitizer sees a read or write behind them.
      std::vector<float> x(static_cast<size_t>(count)), y(static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) x[i] = static_cast<float>(i + 1);
      probe->copy_first(x.data(), count, y.data());
      EXPECT_TRUE(same_bits(x, y)) << probe->name << " " << count;
      std::vector<float> guarded(static_cast<size_t>(probe->lanes) + 1, -7.0f);
      probe->copy_first(x.data(), count, guarded.data());
      for (size_t i = count; i < guarded.size(); ++i) EXPECT_EQ(guarded[i], -7.0f) << probe->name;
    }
  }
}

TEST(Simd, HorizontalSumAndMaxSeeEveryLane) {
  for (const SimdProbe* probe : probes()) {
    for (int lane = 0; lane < probe->lanes; ++lane) {
      std::vector<float> x(static_cast<size_t>(probe->lanes), -1.0f);
      x[lane] = 5.0f;
      EXPECT_EQ(probe->max(x.data()), 5.0f) << probe->name;
      EXPECT_EQ(probe->sum(x.data()), 6.0f - static_cast<float>(probe->lanes)) << probe->name;
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::simd_test
