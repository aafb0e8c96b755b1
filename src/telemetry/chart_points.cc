#include "telemetry/chart_points.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace tutti {
namespace {

// The places in `points` of what is kept of one bucket.
struct Bucket {
  std::optional<size_t> first, lowest, highest, last, gap;

  void take(const std::vector<ChartPoint>& points, size_t i) {
    const double y = points[i].y;
    if (!std::isfinite(y)) {
      if (!gap) gap = i;
      return;
    }
    if (!first) first = i;
    if (!lowest || y < points[*lowest].y) lowest = i;
    if (!highest || y > points[*highest].y) highest = i;
    last = i;
  }

  void put(const std::vector<ChartPoint>& points, std::vector<ChartPoint>& kept) const {
    std::vector<size_t> places;
    for (const auto& place : {first, lowest, highest, last, gap}) {
      if (place) places.push_back(*place);
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const size_t place : places) kept.push_back(points[place]);
  }
};

}  // namespace

std::vector<ChartPoint> thin_points(const std::vector<ChartPoint>& points, int buckets) {
  if (points.size() <= static_cast<size_t>(buckets)) return points;
  const double begin = points.front().x;
  const double width = (points.back().x - begin) / buckets;
  std::vector<ChartPoint> kept;
  for (size_t i = 0; i < points.size();) {
    const double place = std::floor((points[i].x - begin) / width);
    Bucket bucket;
    while (i < points.size() && std::floor((points[i].x - begin) / width) == place) {
      bucket.take(points, i++);
    }
    bucket.put(points, kept);
  }
  return kept;
}

std::vector<ChartPoint> moving_mean(const std::vector<ChartPoint>& points, int window, int count) {
  std::vector<ChartPoint> finite;
  for (const ChartPoint& point : points) {
    if (std::isfinite(point.y)) finite.push_back(point);
  }
  const size_t size = finite.size();
  const auto half = static_cast<size_t>(window / 2);
  std::vector<ChartPoint> means;
  if (size < 2 * static_cast<size_t>(window) || count < 2) return means;
  const size_t stride = std::max<size_t>(1, size / static_cast<size_t>(count));
  for (size_t i = 0; i < size; i = i + 1 == size ? size : std::min(i + stride, size - 1)) {
    const size_t before = std::min(half, i);
    const size_t from = i - before, to = std::min(i + before, size - 1);
    double sum = 0;
    for (size_t j = from; j <= to; ++j) sum += finite[j].y / static_cast<double>(to - from + 1);
    means.push_back({finite[i].x, sum});
  }
  return means;
}

}  // namespace tutti
