// Lines over the steps of a run as one SVG image: title, axes with ticks and units, a legend where
// there is more than one thing to tell apart, and the last value of each line as its tooltip.
//
// The image takes its looks from the classes of kLineChartStyle, which a page includes once. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/axis.h"
#include "telemetry/chart_points.h"

namespace tutti {

enum class LineLook {
  kMain,    // the line that a reader should see first
  kFaint,   // what it was made of
  kSecond,  // another quantity, of few points: each is a dot
};

struct ChartLine {
  std::string name;
  LineLook look = LineLook::kMain;
  std::vector<ChartPoint> points = {};  // rising x; thinned here
  std::string last = {};                // the exact last value, for the tooltip
};

// A place on the x axis where something happened.
struct ChartMark {
  double x = 0;
  std::string text;
};

struct LineChart {
  std::string title;
  std::string y_label;  // with its unit
  AxisScale scale = AxisScale::kLinear;
  std::vector<ChartLine> lines = {};
  std::vector<ChartMark> marks = {};  // rising x
  std::string marks_name = {};
};

// Colours for light and dark screens, and for paper.
extern const std::string_view kLineChartStyle;

std::string line_chart_svg(const LineChart& chart);

}  // namespace tutti
