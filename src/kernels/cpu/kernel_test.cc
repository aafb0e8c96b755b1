#include "kernels/cpu/kernel_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/test_seed.h"

namespace tutti::cpu {
std::vector<const Kernels*> fast_tables() {
  std::vector<const Kernels*> tables;
  for (const Isa isa : {Isa::kPortable, Isa::kV3, Isa::kV4}) {
    if (has_isa(isa)) tables.push_back(&fast_kernels(isa));
  }
  return tables;
}

std::vector<const Kernels*> all_tables() {
  std::vector<const Kernels*> tables = fast_tables();
  tables.insert(tables.begin(), &oracle_kernels());
  return tables;
}

RandomInputs::RandomInputs() : engine_(test_seed()) {}

std::vector<float> RandomInputs::normal(int64_t count, float stddev) {
  std::normal_distribution<float> distribution(0.0f, stddev);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(engine_);
  return values;
}

std::vector<float> RandomInputs::uniform(int64_t count, float low, float high) {
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(engine_);
  return values;
}

std::vector<int32_t> RandomInputs::integers(int64_t count, int32_t low, int32_t high) {
  std::uniform_int_distribution<int32_t> distribution(low, high);
  std::vector<int32_t> values(static_cast<size_t>(count));
  for (int32_t& value : values) value = distribution(engine_);
  return values;
}

double max_relative_error(std::span<const float> actual, std::span<const float> expected,
                          double floor) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (actual.size() != expected.size()) return kInfinity;
  double worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i], e = expected[i];
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double error = std::abs(a - e) / std::max(std::abs(e), floor);
    if (!(error < kInfinity)) return kInfinity;
    worst = std::max(worst, error);
  }
  return worst;
}

TEST(Dispatch, OracleAndDefaultTablesAreNamed) {
  EXPECT_STREQ(oracle_kernels().name, "oracle");
  if (has_isa(Isa::kPortable)) {
    EXPECT_EQ(&default_kernels(), &fast_kernels(best_isa()));
    EXPECT_STREQ(fast_kernels(Isa::kPortable).name, "portable");
  } else {
    EXPECT_EQ(&default_kernels(), &oracle_kernels());
  }
}

TEST(MaxRelativeError, SeesNanSizeAndDifference) {
  const float one[] = {1.0f}, two[] = {2.0f}, nan[] = {std::nanf("")}, pair[] = {1.0f, 1.0f};
  EXPECT_EQ(max_relative_error(one, one), 0.0);
  EXPECT_EQ(max_relative_error(one, two), 0.5);
  EXPECT_EQ(max_relative_error(nan, nan), 0.0);
  EXPECT_TRUE(std::isinf(max_relative_error(nan, one)));
  EXPECT_TRUE(std::isinf(max_relative_error(one, nan)));
  EXPECT_TRUE(std::isinf(max_relative_error(one, pair)));
}

}  // namespace tutti::cpu
