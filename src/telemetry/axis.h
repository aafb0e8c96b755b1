// The axis of a chart: its range, where its ticks are, and what they are called. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace tutti {

enum class AxisScale {
  kSteps,        // of integers; the range is that of the values
  kLinear,       // the range ends at ticks
  kFromZero,     // the same, with zero in it
  kLogWhenWide,  // logarithmic when all values are positive and span more than two decades
};

struct ChartAxis {
  double low = 0;  // low < high; exponents of ten when logarithmic
  double high = 1;
  bool logarithmic = false;
  std::vector<double> ticks;  // values, rising, on the axis
  std::vector<std::string> labels;

  // Where a value lies: 0 at the low end, 1 at the high end. Requires shows(value).
  double at(double value) const;
  // Whether the value has a place: finite, not beyond 1e300, and positive when logarithmic.
  bool shows(double value) const;
};

// An axis for values from `low` to `high`, both finite and at most 1e300, with about `ticks_max`
// ticks. A range that is too small for a double to divide is widened.
ChartAxis make_axis(double low, double high, AxisScale scale, int ticks_max);

}  // namespace tutti
