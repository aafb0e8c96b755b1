#include "telemetry/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tutti {
namespace {

constexpr double kLargest = 1e300;
constexpr double kSmallest = 1e-280;    // what is nearer to zero counts as zero
constexpr double kRelativeSpan = 1e-9;  // of the largest value; a smaller range has no ticks
constexpr double kWideRatio = 100;

// The least of 1, 2 and 5 times a power of ten that is not below `least`.
double nice_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (least <= power * factor * (1 + 1e-9)) return power * factor;
  }
  return power * 10;
}

void widen(double& low, double& high, AxisScale scale) {
  const double largest = std::max(std::fabs(low), std::fabs(high));
  if (largest < kSmallest) {
    low = scale == AxisScale::kSteps ? -1 : 0;
    high = 1;
  } else if (high - low < largest * kRelativeSpan) {
    const double more = largest * 0.05;
    const double half = scale == AxisScale::kSteps ? std::max(1.0, largest * 1e-8) : more;
    low -= half;
    high += half;
  }
}

std::string plain(double value) { return fmt::format("{:.10g}", value); }

// One unit for all labels: 0, 5k, 10k; 2e-4, 4e-4; 0.5, 1.
std::vector<std::string> linear_labels(const std::vector<double>& ticks) {
  struct Unit {
    double size;
    const char* suffix;
  };
  constexpr auto kUnits = std::to_array<Unit>({{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}});
  double largest = 0;
  for (const double tick : ticks) largest = std::max(largest, std::fabs(tick));
  double unit = 1;
  std::string suffix;
  if (largest >= 1e15 || (largest > 0 && largest < 1e-3 * (1 - 1e-9))) {
    const double exponent = std::floor(std::log10(largest) + 1e-9);
    unit = std::pow(10, exponent);
    suffix = fmt::format("e{:.0f}", exponent);
  } else if (largest >= 1e4) {
    const auto* const found = std::find_if(kUnits.begin(), kUnits.end(),
                                           [&](const Unit& u) { return largest >= u.size; });
    unit = found->size;
    suffix = found->suffix;
  }
  std::vector<std::string> labels;
  for (const double tick : ticks) labels.push_back(tick == 0 ? "0" : plain(tick / unit) + suffix);
  return labels;
}

std::string power_label(double factor, int exponent) {
  if (exponent >= -3 && exponent <= 3) return plain(factor * std::pow(10, exponent));
  return fmt::format("{:.0f}e{}", factor, exponent);
}

ChartAxis logarithmic_axis(double low, double high, int ticks_max) {
  ChartAxis axis;
  axis.logarithmic = true;
  const double from = std::log10(low), to = std::log10(high);
  const double margin = std::min(0.04 * (to - from), 0.5);
  axis.low = from - margin;
  axis.high = to + margin;
  const int first = static_cast<int>(std::ceil(axis.low));
  const int last = static_cast<int>(std::floor(axis.high));
  const int stride = std::max(1, (last - first + ticks_max - 1) / ticks_max);
  const bool between = last - first < 3;  // decades alone would be too few
  for (int exponent = between ? first - 1 : first; exponent <= last; exponent += stride) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && !between) break;
      const double place = std::log10(factor) + exponent;
      if (place < axis.low || place > axis.high) continue;
      axis.ticks.push_back(std::pow(10, place));
      axis.labels.push_back(power_label(factor, exponent));
    }
  }
  return axis;
}

}  // namespace

double ChartAxis::at(double value) const {
  return ((logarithmic ? std::log10(value) : value) - low) / (high - low);
}

bool ChartAxis::shows(double value) const {
  return std::fabs(value) <= kLargest && (!logarithmic || value > 0);
}

ChartAxis make_axis(double low, double high, AxisScale scale, int ticks_max) {
  if (scale == AxisScale::kLogWhenWide && low > kSmallest && high / low > kWideRatio) {
    return logarithmic_axis(low, high, ticks_max);
  }
  if (scale == AxisScale::kFromZero) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  widen(low, high, scale);
  double step = nice_step((high - low) / ticks_max);
  if (scale == AxisScale::kSteps) step = std::max(step, 1.0);
  ChartAxis axis;
  if (scale == AxisScale::kSteps) {
    axis.low = low;
    axis.high = high;
  } else {
    axis.low = std::floor(low / step + 1e-6) * step;
    axis.high = std::ceil(high / step - 1e-6) * step;
  }
  const double first = std::ceil(axis.low / step - 1e-6);
  for (int i = 0; (first + i) * step <= axis.high + 1e-6 * step; ++i) {
    const double tick = (first + i) * step;
    axis.ticks.push_back(tick == 0 ? 0 : tick);  // no -0
  }
  axis.labels = linear_labels(axis.ticks);
  return axis;
}

}  // namespace tutti
