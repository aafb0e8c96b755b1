// Points of a line of a chart: fewer of them, and smoothed. Pure functions.
#pragma once

#include <vector>

namespace tutti {

struct ChartPoint {
  double x = 0;
  double y = 0;  // not finite where the line has a gap
};

// Few enough points to draw: of each of `buckets` equal parts of the range of x the first, the
// lowest, the highest and the last finite point, and one that is not finite where there is any, so
// that neither a spike nor a gap is lost. Requires rising x. At most 5 * buckets points.
std::vector<ChartPoint> thin_points(const std::vector<ChartPoint>& points, int buckets);

// At about `count` of the points, among them the first and the last finite one, the mean of the
// finite points around it, `window` in all; at the beginning, where curves are steep, of as many on
// either side. Empty when there are less than twice as many points as the window has.
std::vector<ChartPoint> moving_mean(const std::vector<ChartPoint>& points, int window, int count);

}  // namespace tutti
