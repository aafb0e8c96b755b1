#include "schedule/draw.h"

#include <gtest/gtest.h>

#include "schedule/generators.h"

namespace tutti {
namespace {

std::string text_of_default(const Schedule& schedule, int width = 240) {
  return draw_text(schedule, simulate(schedule, {}), width);
}

std::string svg_of(const Schedule& schedule) { return draw_svg(schedule, simulate(schedule, {})); }

int count(std::string_view text, std::string_view what) {
  int found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// Whether every element is closed by its own name and every attribute is quoted; for documents
// without declarations, entities and comments.
bool is_well_formed(std::string_view xml) {
  std::vector<std::string_view> open;
  while (xml.find('<') != std::string_view::npos) {
    xml.remove_prefix(xml.find('<') + 1);
    std::string_view tag = xml.substr(0, xml.find('>'));
    if (tag.find('<') != std::string_view::npos || count(tag, "\"") % 2 != 0) return false;
    if (count(tag, "=") != count(tag, "=\"")) return false;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty() && xml.find('&') == std::string_view::npos;
}

TEST(DrawText, WorkedExampleOf1F1B) {
  EXPECT_EQ(text_of_default(one_forward_one_backward_schedule(2, 2)),
            "2 stages, 2 microbatches: bubble rate 33.3 %\n"
            "0 |F0F1....B0  ..B1  \n"
            "1 |..F0B0  F1B1  ....\n"
            "F forward, B backward; dots: idle\n");
}

TEST(DrawText, ChunksAndHalvesOfBackwardAreTold) {
  EXPECT_EQ(text_of_default(zbv_schedule(1, 2)),
            "1 stages of 2 chunks in a V, 2 microbatches: bubble rate 0.0 %\n"
            "0 |F0f0b0w0F1B0W0f1b1w1B1W1\n"
            "F forward, B backward for the input, W for the weights; small letters: chunk 1; "
            "dots: idle\n");
  EXPECT_NE(text_of_default(interleaved_schedule(1, 1, 3)).find("|F0.0F0.1F0.2B0.2    B0.1    B"),
            std::string::npos);
}

TEST(DrawText, PassesOfOtherTimesAreAsWideAsTheyTakeLong) {
  const Schedule schedule = sequential_schedule(1);
  const PassTimes times = {1, 2, 1, 0};
  EXPECT_NE(draw_text(schedule, simulate(schedule, times)).find("|F0B0    \n"), std::string::npos);
}

TEST(DrawText, ColumnsAlignForMicrobatchesOfTwoDigits) {
  const std::string text = text_of_default(one_forward_one_backward_schedule(8, 16));
  EXPECT_EQ(count(text, "cut"), 0);
  EXPECT_NE(text.find("\n7 |.....................F0 B0    F1 B1    "), std::string::npos) << text;
  EXPECT_NE(text.find("F15B15   "), std::string::npos) << text;
}

TEST(DrawText, RowsAreCutAtTheWidth) {
  const std::string text = text_of_default(one_forward_one_backward_schedule(2, 2), 13);
  EXPECT_NE(text.find("0 |F0F1....B0\n1 |..F0B0  F1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("cut at 13 characters: the first 56 % of the time\n"), std::string::npos);
  EXPECT_NE(text_of_default(one_forward_one_backward_schedule(32, 128), 80).find("cut at 80"),
            std::string::npos);
}

TEST(DrawSvg, EveryPassIsABoxOfItsColour) {
  const std::string svg = svg_of(one_forward_one_backward_schedule(2, 2));
  EXPECT_TRUE(is_well_formed(svg)) << svg;
  EXPECT_EQ(count(svg, "class=\"pass\""), 8);
  EXPECT_EQ(count(svg, "class=\"number\""), 8);
  EXPECT_EQ(count(svg, "class=\"key\""), 2);
  EXPECT_EQ(count(svg, "fill=\"#5896d6\""), 4 + 1);
  EXPECT_EQ(count(svg, "width=\"40.00\" height=\"20\" fill=\"#54b278\"><title>B"), 4);
  EXPECT_EQ(count(svg, "bubble rate 33.3 %"), 1);
  EXPECT_EQ(count(svg, "stage 0, holds 2<"), 1);
  EXPECT_EQ(count(svg, "stage 1, holds 1<"), 1);
}

TEST(DrawSvg, ChunksHaveShades) {
  const std::string svg = svg_of(zbv_schedule(4, 8));
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_EQ(count(svg, "class=\"pass\""), 4 * 8 * 6);
  EXPECT_EQ(count(svg, "class=\"key\""), 6);
  EXPECT_EQ(count(svg, "fill=\"#5896d6\""), 4 * 8 + 1);
  EXPECT_EQ(count(svg, "stage 3, holds 4<"), 1);
}

TEST(DrawSvg, NumbersAreLeftOutOfNarrowBoxes) {
  const std::string svg = svg_of(one_forward_one_backward_schedule(4, 512));
  EXPECT_EQ(count(svg, "class=\"pass\""), 4 * 512 * 2);
  EXPECT_EQ(count(svg, "class=\"number\""), 0);
}

}  // namespace
}  // namespace tutti
