#include "base/normal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/rng.h"
#include "base/test_seed.h"

namespace tutti {
namespace {

constexpr uint32_t kSteps = 0x80000000u;  // words of one sign

float normal(uint32_t word) { return normal_from<ScalarLanes>(word); }

// The magnitude that is exceeded with the probability that belongs to the word, by Newton's method
// on the side where the probability is small.
double exact_magnitude(uint32_t step) {
  const double within = (step + 0.5) / kSteps, beyond = (kSteps - 1 - step + 0.5) / kSteps;
  double y = normal(step) / std::numbers::sqrt2;
  for (int i = 0; i < 3; ++i) {
    const double excess = within < 0.5 ? std::erf(y) - within : beyond - std::erfc(y);
    const double newton = excess * std::exp(y * y) / (2 * std::numbers::inv_sqrtpi);
    y -= newton / (1 + y * newton);  // Halley's correction
  }
  return y * std::numbers::sqrt2;
}

std::vector<float> draw_normals(size_t count) {
  const RngKey key = rng_key(test_seed(), 0, stable_hash("w"));
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) x[i] = normal_at(key, i);
  return x;
}

double distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

TEST(Normal, InvertsTheDistributionFunctionWithinFourTenMillionths) {
  std::vector<uint32_t> steps;
  for (uint32_t i = 0; i < 1000; ++i) {
    steps.push_back(i);               // next to zero
    steps.push_back(kSteps - 1 - i);  // the far tail
  }
  for (uint64_t step = 0; step < kSteps; step += 15485)
    steps.push_back(static_cast<uint32_t>(step));
  for (uint32_t i = 1; i < kSteps / 2; i += i / 64 + 1) steps.push_back(kSteps - i);
  double worst = 0;
  for (const uint32_t step : steps) {
    const double error = std::abs(normal(step) / exact_magnitude(step) - 1);
    ASSERT_LT(error, 4e-7) << "word " << step;
    worst = std::max(worst, error);
  }
  EXPECT_GT(worst, 1e-8) << "no float is this exact: the reference is broken";
}

TEST(Normal, FlippingTheTopBitNegates) {
  for (uint64_t step = 0; step < kSteps; step += 1 << 20) {
    const auto word = static_cast<uint32_t>(step);
    EXPECT_EQ(normal(word | kSteps), -normal(word));
    EXPECT_GT(normal(word), 0.0f);
  }
}

TEST(Normal, GrowsWithTheWordAndEndsAtItsLimit) {
  for (uint64_t step = 1 << 16; step < kSteps; step += 1 << 16) {
    const auto word = static_cast<uint32_t>(step);
    ASSERT_GT(normal(word), normal(word - (1 << 16))) << word;
  }
  EXPECT_NEAR(normal(0), 0x1p-32 * std::sqrt(std::numbers::pi / 2), 1e-16);
  EXPECT_NEAR(normal(kSteps - 1), 6.33796, 1e-5);
}

// Weights that were drawn once must be drawn again by every later version.
TEST(Normal, DrawsTheRecordedBits) {
  const RngKey key = rng_key(1337, 0, stable_hash("wte"));
  EXPECT_EQ(normal_at(key, 0), 0x1.d446c2p-4f);
  EXPECT_EQ(normal_at(key, 1), -0x1.aa853ep-1f);
  EXPECT_EQ(normal_at(key, 6), 0x1.3a62dap+0f);
  EXPECT_EQ(normal_at(key, 123456789), 0x1.0dedd6p-1f);
}

TEST(Normal, PassesKolmogorovAndSmirnov) {
  std::vector<float> x = draw_normals(1000000);
  std::sort(x.begin(), x.end());
  const auto count = static_cast<double>(x.size());
  double distance = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = distribution(x[i]), at = static_cast<double>(i);
    distance = std::max({distance, expected - at / count, (at + 1) / count - expected});
  }
  // Exceeded by chance with probability 2 exp(-2 * 3.3^2) = 7e-10.
  EXPECT_LT(distance * std::sqrt(count), 3.3);
}

TEST(Normal, HasTheMomentsAndTheTailsOfTheDistribution) {
  const std::vector<float> x = draw_normals(1000000);
  const auto count = static_cast<double>(x.size());
  double power[5] = {};
  double beyond[6] = {};
  for (const float z : x) {
    double product = 1;
    for (int p = 1; p <= 4; ++p) power[p] += product *= z;
    for (int sigma = 1; sigma <= 5; ++sigma) beyond[sigma] += std::abs(z) > sigma;
  }
  // Six standard errors of each estimate; the variances are 1, 2, 15 and 96.
  EXPECT_NEAR(power[1] / count, 0, 6 * std::sqrt(1 / count));
  EXPECT_NEAR(power[2] / count, 1, 6 * std::sqrt(2 / count));
  EXPECT_NEAR(power[3] / count, 0, 6 * std::sqrt(15 / count));
  EXPECT_NEAR(power[4] / count, 3, 6 * std::sqrt(96 / count));
  for (int sigma = 1; sigma <= 5; ++sigma) {
    const double expected = 2 * count * distribution(-sigma);
    EXPECT_NEAR(beyond[sigma], expected, 6 * std::sqrt(expected) + 6) << sigma;
  }
}

TEST(Normal, NeighboursAreNotCorrelated) {
  const std::vector<float> x = draw_normals(1000000);
  for (size_t lag = 1; lag <= 8; ++lag) {
    double sum = 0;
    for (size_t i = lag; i < x.size(); ++i) sum += double{x[i]} * x[i - lag];
    EXPECT_NEAR(sum / static_cast<double>(x.size()), 0, 6e-3) << lag;
  }
}

}  // namespace
}  // namespace tutti
