#include "telemetry/axis.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti {
namespace {

using Labels = std::vector<std::string>;

TEST(ChartAxis, TicksAreNiceNumbers) {
  EXPECT_EQ(make_axis(2.31, 7.9, AxisScale::kLinear, 6).labels,
            (Labels{"2", "3", "4", "5", "6", "7", "8"}));
  EXPECT_EQ(make_axis(0.61, 0.99, AxisScale::kLinear, 5).labels,
            (Labels{"0.6", "0.7", "0.8", "0.9", "1"}));
  EXPECT_EQ(make_axis(7, 11900, AxisScale::kFromZero, 6).labels,
            (Labels{"0", "2k", "4k", "6k", "8k", "10k", "12k"}));
  EXPECT_EQ(make_axis(0, 6e-4, AxisScale::kFromZero, 6).labels,
            (Labels{"0", "1e-4", "2e-4", "3e-4", "4e-4", "5e-4", "6e-4"}));
  EXPECT_EQ(make_axis(0, 0.001, AxisScale::kFromZero, 5).labels,
            (Labels{"0", "0.0002", "0.0004", "0.0006", "0.0008", "0.001"}));
  EXPECT_EQ(make_axis(-3, 4, AxisScale::kLinear, 4).labels, (Labels{"-4", "-2", "0", "2", "4"}));
}

TEST(ChartAxis, StepsAreIntegersAndEndAtTheData) {
  const ChartAxis few = make_axis(1, 3, AxisScale::kSteps, 6);
  EXPECT_EQ(few.labels, (Labels{"1", "2", "3"}));
  const ChartAxis many = make_axis(1, 300, AxisScale::kSteps, 6);
  EXPECT_EQ(many.labels, (Labels{"50", "100", "150", "200", "250", "300"}));
  EXPECT_EQ(many.at(1), 0);
  EXPECT_EQ(many.at(300), 1);
  const ChartAxis one = make_axis(7, 7, AxisScale::kSteps, 6);
  EXPECT_EQ(one.labels, (Labels{"6", "7", "8"}));
  EXPECT_EQ(one.at(7), 0.5);
}

TEST(ChartAxis, IsLogarithmicOnlyWhenPositiveValuesSpanTwoDecades) {
  EXPECT_FALSE(make_axis(0.1, 9, AxisScale::kLogWhenWide, 6).logarithmic);
  EXPECT_FALSE(make_axis(0, 900, AxisScale::kLogWhenWide, 6).logarithmic);
  EXPECT_FALSE(make_axis(0.1, 900, AxisScale::kLinear, 6).logarithmic);
  const ChartAxis two = make_axis(0.5, 60, AxisScale::kLogWhenWide, 6);
  ASSERT_TRUE(two.logarithmic);
  EXPECT_EQ(two.labels, (Labels{"0.5", "1", "2", "5", "10", "20", "50"}));
  EXPECT_TRUE(two.shows(0.5));
  EXPECT_FALSE(two.shows(0));
  EXPECT_FALSE(two.shows(-1));
  EXPECT_EQ(make_axis(0.01, 1e7, AxisScale::kLogWhenWide, 5).labels,
            (Labels{"0.01", "1", "100", "1e4", "1e6"}));
}

TEST(ChartAxis, ShowsNothingThatIsNotFinite) {
  const ChartAxis axis = make_axis(0, 1, AxisScale::kLinear, 6);
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity(), -1.7e308}) {
    EXPECT_FALSE(axis.shows(value)) << value;
  }
}

// Whatever the range is: some ticks, in order, on the axis, and both ends of the data too.
TEST(ChartAxis, HasTicksForEveryRange) {
  const std::vector<std::pair<double, double>> ranges = {
      {0, 0},           {5, 5},          {-2, -2},       {1e300, 1e300},         {-1e300, 1e300},
      {1e-320, 1e-310}, {1e-320, 1e300}, {1, 1 + 1e-15}, {1e9, 1e9 + 1e-3},      {9e18, 9e18},
      {-1e-300, 0},     {3e-4, 3e-4},    {0.1, 0.3},     {999999999, 1000000001}};
  for (const auto& [low, high] : ranges) {
    for (const AxisScale scale :
         {AxisScale::kSteps, AxisScale::kLinear, AxisScale::kFromZero, AxisScale::kLogWhenWide}) {
      SCOPED_TRACE(fmt::format("{} to {}, scale {}", low, high, static_cast<int>(scale)));
      const ChartAxis axis = make_axis(low, high, scale, 6);
      ASSERT_LT(axis.low, axis.high);
      ASSERT_EQ(axis.ticks.size(), axis.labels.size());
      EXPECT_LE(axis.ticks.size(), 12u);
      EXPECT_GE(axis.ticks.size(), scale == AxisScale::kSteps ? 0u : 2u);
      for (size_t i = 0; i < axis.ticks.size(); ++i) {
        EXPECT_GE(axis.at(axis.ticks[i]), -1e-6);
        EXPECT_LE(axis.at(axis.ticks[i]), 1 + 1e-6);
        EXPECT_TRUE(i == 0 || axis.ticks[i - 1] < axis.ticks[i]) << axis.ticks[i];
      }
      for (const double end : {low, high}) {
        if (!axis.shows(end)) continue;
        EXPECT_GE(axis.at(end), -1e-6);
        EXPECT_LE(axis.at(end), 1 + 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace tutti
