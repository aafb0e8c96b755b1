#include "telemetry/chart_points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tutti {
namespace {

std::vector<ChartPoint> wave(int count) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < count; ++i) points.push_back({i + 1.0, std::sin(i * 0.01)});
  return points;
}

bool has(const std::vector<ChartPoint>& points, double x, double y) {
  return std::any_of(points.begin(), points.end(),
                     [&](const ChartPoint& p) { return p.x == x && p.y == y; });
}

TEST(ThinPoints, KeepsFewAsTheyAre) {
  EXPECT_TRUE(thin_points({}, 10).empty());
  EXPECT_EQ(thin_points({{3, 1}}, 10).size(), 1u);
  EXPECT_EQ(thin_points(wave(10), 10).size(), 10u);
}

TEST(ThinPoints, KeepsEverySpikeAndBothEnds) {
  std::vector<ChartPoint> points = wave(20000);
  for (size_t i = 7; i < points.size(); i += 1999) points[i].y = i % 2 == 0 ? 50 : -50;
  const auto kept = thin_points(points, 100);
  EXPECT_LE(kept.size(), 500u);
  EXPECT_GE(kept.size(), 200u);
  for (size_t i = 7; i < points.size(); i += 1999) {
    EXPECT_TRUE(has(kept, points[i].x, points[i].y)) << "the spike at " << i;
  }
  EXPECT_EQ(kept.front().x, 1);
  EXPECT_EQ(kept.back().x, 20000);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end(),
                             [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; }));
}

TEST(ThinPoints, KeepsGaps) {
  std::vector<ChartPoint> points = wave(1000);
  points[500].y = std::nan("");
  points[501].y = std::numeric_limits<double>::infinity();
  const auto kept = thin_points(points, 50);
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(),
                          [](const ChartPoint& p) { return !std::isfinite(p.y); }),
            1);
}

TEST(MovingMean, IsTheMeanOfTheWindowWithoutWhatIsNotFinite) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 30; ++i) points.push_back({i + 1.0, i % 2 == 0 ? 1.0 : 3.0});
  points[10].y = std::nan("");
  const auto means = moving_mean(points, 10, 1000);
  ASSERT_EQ(means.size(), 29u);
  EXPECT_EQ(means.front().y, 1) << "of itself alone";
  for (size_t i = 3; i < means.size(); ++i) EXPECT_NEAR(means[i].y, 2, 0.35) << i;
  EXPECT_EQ(means.back().x, 30);
  EXPECT_TRUE(moving_mean(points, 16, 1000).empty()) << "too few points to smooth";
  EXPECT_TRUE(moving_mean({}, 10, 1000).empty());
}

TEST(MovingMean, HasAboutTheCountAskedForAndBothEnds) {
  const auto means = moving_mean(wave(10001), 100, 200);
  EXPECT_LE(means.size(), 203u);
  EXPECT_EQ(means.front().x, 1);
  EXPECT_EQ(means.back().x, 10001);
}

}  // namespace
}  // namespace tutti
