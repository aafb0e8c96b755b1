#include "telemetry/zscore.h"

#include <cmath>
#include <limits>

#include "base/status.h"

namespace tutti {

ZScore::ZScore(size_t window) : window_(window) {
  TUTTI_CHECK(window >= 2, "window = {}", window);
  values_.reserve(window);
}

std::optional<double> ZScore::score(double value) const {
  if (values_.size() < window_) return std::nullopt;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!std::isfinite(value)) return kInfinity;
  const double difference = value - mean(), deviation = stddev();
  if (difference == 0) return 0;
  if (deviation == 0) return std::copysign(kInfinity, difference);
  return difference / deviation;
}

void ZScore::push(double value) {
  if (!std::isfinite(value)) return;
  if (values_.size() < window_) {
    values_.push_back(value);
    return;
  }
  values_[oldest_] = value;
  oldest_ = (oldest_ + 1) % window_;
}

std::vector<double> ZScore::values() const {
  std::vector<double> result;
  for (size_t age = 0; age < size(); ++age) result.push_back(at(age));
  return result;
}

// Both are summed anew: a running sum of squares would cancel, and windows are short. From the
// oldest on, so that a window made of values() has the same bits.
double ZScore::mean() const {
  if (values_.empty()) return 0;
  // About the first value, so that the mean of equal values is exactly that value.
  double sum = 0;
  for (size_t age = 0; age < size(); ++age) sum += at(age) - at(0);
  return at(0) + sum / static_cast<double>(size());
}

double ZScore::stddev() const {
  if (values_.empty()) return 0;
  const double middle = mean();
  double squares = 0;
  for (size_t age = 0; age < size(); ++age) squares += (at(age) - middle) * (at(age) - middle);
  return std::sqrt(squares / static_cast<double>(size()));
}

}  // namespace tutti
