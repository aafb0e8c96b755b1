#include "telemetry/zscore.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

TEST(ZScore, IsSilentUntilTheWindowIsFull) {
  ZScore z(3);
  for (const double value : {1.0, 2.0}) {
    EXPECT_EQ(z.score(5), std::nullopt);
    z.push(value);
  }
  EXPECT_EQ(z.score(5), std::nullopt);
  z.push(3);
  EXPECT_TRUE(z.score(5).has_value());
}

TEST(ZScore, CountsStandardDeviationsFromTheMeanOfTheLastValues) {
  ZScore z(4);
  for (const double value : {1000.0, -7.0, 2.0, 4.0, 4.0, 6.0}) z.push(value);
  EXPECT_DOUBLE_EQ(z.mean(), 4);
  EXPECT_DOUBLE_EQ(z.stddev(), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(*z.score(7), 3 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(*z.score(1), -3 / std::sqrt(2.0));
  EXPECT_EQ(*z.score(4), 0);
}

TEST(ZScore, ConstantWindowMakesAnyChangeInfinite) {
  ZScore z(3);
  for (int i = 0; i < 3; ++i) z.push(0.1);
  EXPECT_EQ(*z.score(0.1), 0);
  EXPECT_EQ(*z.score(0.2), INFINITY);
  EXPECT_EQ(*z.score(0), -INFINITY);
}

TEST(ZScore, NonFiniteIsInfinitelyUnusualAndForgotten) {
  ZScore z(2);
  z.push(1);
  z.push(NAN);
  EXPECT_EQ(z.size(), 1u);
  z.push(3);
  EXPECT_EQ(*z.score(NAN), INFINITY);
  z.push(INFINITY);
  EXPECT_DOUBLE_EQ(*z.score(4), 2);
}

TEST(ZScore, AWindowMadeOfAnothersValuesGivesTheSameBits) {
  ZScore z(7);
  for (int i = 0; i < 24; ++i) z.push(std::sin(i) * 1e3);
  ZScore copy(7);
  for (const double value : z.values()) copy.push(value);
  for (int i = 24; i < 40; ++i) {
    EXPECT_EQ(z.score(std::sin(i)), copy.score(std::sin(i)));
    z.push(std::sin(i));
    copy.push(std::sin(i));
  }
}

TEST(ZScore, SmallSpreadAroundALargeMeanIsNotLost) {
  ZScore z(4);
  for (const double value : {1e9 + 1, 1e9 - 1, 1e9 + 1, 1e9 - 1}) z.push(value);
  EXPECT_DOUBLE_EQ(z.stddev(), 1);
}

}  // namespace
}  // namespace tutti
