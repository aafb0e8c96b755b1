#include "telemetry/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "telemetry/html_text.h"

namespace tutti {
namespace {

// All sizes are in the units of the image, pixels when it is shown at its own size.
constexpr double kWidth = 520, kHeight = 300;
constexpr double kLeft = 74, kRight = 498, kTop = 54, kBottom = 252;
constexpr double kLegendLine = 38, kLegendLeft = 8, kLegendSwatch = 18, kLegendGap = 14;
constexpr double kLetter = 6.4;  // of the legend, on average
constexpr int kBuckets = 150;    // of a line: two points a pixel would be lost on any screen
constexpr int kTicksX = 6, kTicksY = 6;
constexpr double kMarkWidth = 3;

// The plot: where values lie in the image.
struct Plot {
  ChartAxis x, y;

  double px(double value) const { return kLeft + x.at(value) * (kRight - kLeft); }
  double py(double value) const { return kBottom - y.at(value) * (kBottom - kTop); }
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void take(double value) {
    if (!ChartAxis().shows(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

Plot plot_of(const LineChart& chart) {
  Range x, y, positive;
  for (const ChartLine& line : chart.lines) {
    for (const ChartPoint& point : line.points) {
      x.take(point.x);
      y.take(point.y);
      if (point.y > 0) positive.take(point.y);
    }
  }
  for (const ChartMark& mark : chart.marks) x.take(mark.x);
  if (x.empty()) x = {0, 1};
  if (y.empty()) y = {0, 1};
  // A zero among values of many decades (a gradient norm of a step) must not hide all others.
  const bool zeros_only_below = y.low == 0 && !positive.empty();
  if (chart.scale == AxisScale::kLogWhenWide && zeros_only_below) y = positive;
  return {make_axis(x.low, x.high, AxisScale::kSteps, kTicksX),
          make_axis(y.low, y.high, chart.scale, kTicksY)};
}

std::string_view look_class(LineLook look) {
  switch (look) {
    case LineLook::kMain:
      return "main";
    case LineLook::kFaint:
      return "faint";
    case LineLook::kSecond:
      return "second";
  }
  return "";
}

std::string grid_svg(const LineChart& chart, const Plot& plot) {
  std::string svg;
  for (size_t i = 0; i < plot.y.ticks.size(); ++i) {
    const double y = plot.py(plot.y.ticks[i]);
    svg += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kRight);
    svg += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                       kLeft - 7, y + 4, plot.y.labels[i]);
  }
  for (size_t i = 0; i < plot.x.ticks.size(); ++i) {
    const double x = plot.px(plot.x.ticks[i]);
    svg += fmt::format("<path class=\"axis\" d=\"M{:.1f} {}v5\"/>", x, kBottom);
    svg +=
        fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                    x, kBottom + 19, plot.x.labels[i]);
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>\n", kLeft, kBottom, kRight);
  svg += fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">step</text>\n",
                     (kLeft + kRight) / 2, kHeight - 10);
  const double middle = (kTop + kBottom) / 2;
  const std::string label = chart.y_label + (plot.y.logarithmic ? ", logarithmic" : "");
  svg += fmt::format(
      "<text class=\"label\" transform=\"translate(12 {}) rotate(-90)\" "
      "text-anchor=\"middle\">{}</text>\n",
      middle, html_escaped(label));
  return svg;
}

std::string legend_svg(const LineChart& chart) {
  struct Entry {
    std::string_view look;
    std::string name;
  };
  std::vector<Entry> entries;
  for (const ChartLine& line : chart.lines) entries.push_back({look_class(line.look), line.name});
  if (!chart.marks.empty()) entries.push_back({"mark", chart.marks_name});
  if (entries.size() < 2) return "";
  std::string svg;
  double x = kLegendLeft;
  for (const Entry& entry : entries) {
    svg += fmt::format("<path class=\"{}\" d=\"M{:.1f} {}h{}\"/>", entry.look, x, kLegendLine - 4,
                       kLegendSwatch);
    x += kLegendSwatch + 6;
    svg += fmt::format("<text class=\"legend\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", x, kLegendLine,
                       html_escaped(entry.name));
    x += kLetter * static_cast<double>(entry.name.size()) + kLegendGap;
  }
  return svg;
}

// Marks that would lie on one another are one.
std::string marks_svg(const LineChart& chart, const Plot& plot) {
  std::string svg;
  for (size_t i = 0; i < chart.marks.size();) {
    const double x = plot.px(chart.marks[i].x);
    size_t next = i + 1;
    while (next < chart.marks.size() && plot.px(chart.marks[next].x) < x + kMarkWidth) ++next;
    std::string text = chart.marks[i].text;
    if (next - i > 1) {
      text +=
          fmt::format("; {} more, the last at step {:.0f}", next - i - 1, chart.marks[next - 1].x);
    }
    svg += fmt::format("<path class=\"mark\" d=\"M{:.1f} {}V{}\"><title>{}</title></path>\n", x,
                       kTop, kBottom, html_escaped(text));
    i = next;
  }
  return svg;
}

std::string line_svg(const ChartLine& line, const Plot& plot) {
  std::string path, dots;
  bool drawing = false;
  const ChartPoint* last = nullptr;
  const std::vector<ChartPoint> thinned = thin_points(line.points, kBuckets);
  for (const ChartPoint& point : thinned) {
    if (!plot.y.shows(point.y) || !plot.x.shows(point.x)) {
      drawing = false;
      continue;
    }
    const double x = plot.px(point.x), y = plot.py(point.y);
    // A point alone is a dot: a line of length 0 with round ends.
    path += drawing ? fmt::format("L{:.1f} {:.1f}", x, y) : fmt::format("M{:.1f} {:.1f}h0", x, y);
    if (line.look == LineLook::kSecond) {
      dots += fmt::format("<circle class=\"second\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>", x, y);
    }
    drawing = true;
    last = &point;
  }
  if (last == nullptr) return "";
  const std::string look(look_class(line.look));
  const std::string title =
      fmt::format("<title>{}: {}</title>", html_escaped(line.name), html_escaped(line.last));
  std::string svg = fmt::format("<path class=\"{}\" d=\"{}\">{}</path>{}", look, path, title, dots);
  if (line.look != LineLook::kFaint) {
    svg +=
        fmt::format("<circle class=\"{} last\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\">{}</circle>",
                    look, plot.px(last->x), plot.py(last->y), title);
  }
  return svg + "\n";
}

}  // namespace

const std::string_view kLineChartStyle = R"(
:root { --ink: #0b0b0b; --soft: #52514e; --grid: #e1e0d9; --axis: #8f8e88;
  --main: #2a78d6; --second: #d9480f; --mark: #d03b3b; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #ffffff; --soft: #c3c2b7; --grid: #33332f; --axis: #77766f;
    --main: #5598e7; --second: #f08c4a; --mark: #e66767; }
}
svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif; }
svg path { fill: none; stroke-linecap: round; stroke-linejoin: round; }
svg text { fill: var(--soft); font-size: 12px; }
@media (max-width: 600px) { svg text.tick, svg text.label { font-size: 14px; } }
svg text.title { fill: var(--ink); font-size: 15px; font-weight: 600; }
svg .grid { stroke: var(--grid); stroke-linecap: butt; }
svg .axis { stroke: var(--axis); stroke-linecap: butt; }
svg path.main { stroke: var(--main); stroke-width: 2; }
svg path.faint { stroke: var(--main); stroke-opacity: 0.5; }
svg path.second { stroke: var(--second); stroke-width: 2; }
svg path.mark { stroke: var(--mark); stroke-width: 2; stroke-opacity: 0.6; stroke-linecap: butt; }
svg circle.main { fill: var(--main); }
svg circle.second { fill: var(--second); }
)";

std::string line_chart_svg(const LineChart& chart) {
  const Plot plot = plot_of(chart);
  const std::string title = html_escaped(chart.title);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{} by step\">\n<text class=\"title\" x=\"6\" y=\"17\">{}</text>\n",
      kWidth, kHeight, title, title);
  svg += legend_svg(chart) + grid_svg(chart, plot) + marks_svg(chart, plot);
  std::string lines;
  for (const ChartLine& line : chart.lines) lines += line_svg(line, plot);
  if (lines.empty()) {
    lines =
        fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                    (kLeft + kRight) / 2, (kTop + kBottom) / 2, "no values");
  }
  return svg + lines + "</svg>\n";
}

}  // namespace tutti
