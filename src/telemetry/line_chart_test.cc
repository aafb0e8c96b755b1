#include "telemetry/line_chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti {
namespace {

LineChart chart_of(std::vector<ChartPoint> points, AxisScale scale = AxisScale::kLinear) {
  LineChart chart{.title = "Loss", .y_label = "nats a token", .scale = scale};
  chart.lines.push_back({.name = "loss", .points = std::move(points), .last = "3.25 at step 2"});
  return chart;
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(LineChart, NamesItsTitleAxesAndLastValue) {
  const std::string svg = line_chart_svg(chart_of({{1, 4}, {2, 3.25}}));
  EXPECT_NE(svg.find(">Loss</text>"), std::string::npos);
  EXPECT_NE(svg.find(">nats a token</text>"), std::string::npos);
  EXPECT_NE(svg.find(">step</text>"), std::string::npos);
  EXPECT_NE(svg.find("<title>loss: 3.25 at step 2</title>"), std::string::npos);
  EXPECT_EQ(svg.find(">loss</text>"), std::string::npos) << "one line needs no legend";
  EXPECT_NE(svg.find("d=\"M74.0 54.0h0L498.0 "), std::string::npos) << svg;
}

TEST(LineChart, HasALegendForTwoLines) {
  LineChart chart = chart_of({{1, 4}, {2, 3}});
  chart.lines.push_back(
      {.name = "validation", .look = LineLook::kSecond, .points = {{2, 3.5}}, .last = "3.5"});
  const std::string svg = line_chart_svg(chart);
  EXPECT_NE(svg.find(">loss</text>"), std::string::npos);
  EXPECT_NE(svg.find(">validation</text>"), std::string::npos);
}

TEST(LineChart, DrawsNoPointsAndOnePoint) {
  const std::string none = line_chart_svg(chart_of({}));
  EXPECT_NE(none.find("no values"), std::string::npos);
  EXPECT_EQ(none.find("nan"), std::string::npos) << none;
  const std::string one = line_chart_svg(chart_of({{1, 4}}));
  EXPECT_EQ(one.find("no values"), std::string::npos);
  EXPECT_EQ(count(one, "<circle"), 1u);
}

TEST(LineChart, LeavesGapsWhereValuesAreNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string svg = line_chart_svg(
      chart_of({{1, 4}, {2, 3}, {3, std::nan("")}, {4, 3}, {5, infinity}, {6, -infinity}, {7, 2}}));
  EXPECT_EQ(count(svg, "h0"), 3u) << "three pieces";
  for (const char* number : {"\"nan", " nan", "inf", "Lnan", "Mnan"}) {
    EXPECT_EQ(svg.find(number), std::string::npos) << number;
  }
  const std::string all = line_chart_svg(chart_of({{1, std::nan("")}, {2, infinity}}));
  EXPECT_NE(all.find("no values"), std::string::npos);
}

TEST(LineChart, IsLogarithmicAcrossDecadesThoughAValueIsZero) {
  const std::string svg =
      line_chart_svg(chart_of({{1, 0}, {2, 1e-3}, {3, 1000}, {4, 1}}, AxisScale::kLogWhenWide));
  EXPECT_NE(svg.find("nats a token, logarithmic"), std::string::npos);
  EXPECT_NE(svg.find(">0.001</text>"), std::string::npos);
}

TEST(LineChart, StaysSmallHoweverManyPointsAndMarksThereAre) {
  std::vector<ChartPoint> points;
  LineChart chart;
  for (int i = 0; i < 100000; ++i) points.push_back({i + 1.0, i % 7 + std::sin(i)});
  points[77777].y = 100;
  chart = chart_of(points);
  for (int i = 0; i < 50000; ++i) chart.marks.push_back({i + 1.0, "step skipped"});
  chart.marks_name = "skipped";
  const std::string svg = line_chart_svg(chart);
  EXPECT_LT(svg.size(), 40000u);
  EXPECT_LT(count(svg, "class=\"mark\""), 200u);
  EXPECT_NE(svg.find(" 54.0L"), std::string::npos) << "the spike reaches the top";
  EXPECT_NE(svg.find("more, the last at step 50000"), std::string::npos);
}

TEST(LineChart, EscapesWhatItIsGiven) {
  LineChart chart = chart_of({{1, 4}});
  chart.title = "<b>";
  chart.y_label = "a & b";
  chart.lines[0].name = "\"x\"";
  chart.lines[0].last = "</title>";
  chart.marks = {{1, "<i>"}};
  chart.marks_name = "<u>";
  const std::string svg = line_chart_svg(chart);
  for (const char* raw : {"<b>", "a & b", "\"x\"", "</title></title>", "<i>", "<u>"}) {
    EXPECT_EQ(svg.find(raw), std::string::npos) << raw;
  }
}

}  // namespace
}  // namespace tutti
