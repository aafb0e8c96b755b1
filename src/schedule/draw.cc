#include "schedule/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tutti {
namespace {

struct Extent {
  double end = 0;                                             // of the last pass
  double shortest = std::numeric_limits<double>::infinity();  // pass that takes any time
};

Extent extent_of(const Timeline& timeline) {
  Extent extent;
  for (const auto& stage : timeline.stages) {
    for (const TimedPass& timed : stage) {
      extent.end = std::max(extent.end, timed.end);
      if (timed.end > timed.begin) {
        extent.shortest = std::min(extent.shortest, timed.end - timed.begin);
      }
    }
  }
  return extent;
}

std::string title_of(const Schedule& schedule, const Timeline& timeline) {
  std::string chunks;
  if (schedule.chunks > 1) {
    chunks = fmt::format(" of {} chunks in {}", schedule.chunks,
                         schedule.order == ChunkOrder::kV ? "a V" : "loops");
  }
  return fmt::format("{} stages{}, {} microbatches: bubble rate {:.1f} %", schedule.stage_count(),
                     chunks, schedule.microbatches, 100 * std::max(0.0, timeline.bubble_rate()));
}

constexpr std::string_view kLetters = "FBBW";  // by kind

std::string letter_label(const Schedule& schedule, const ScheduledPass& pass) {
  char letter = kLetters[static_cast<size_t>(pass.kind)];
  if (schedule.chunks > 2) return fmt::format("{}{}.{}", letter, pass.microbatch, pass.chunk);
  if (pass.chunk == 1) letter = static_cast<char>(letter - 'A' + 'a');
  return fmt::format("{}{}", letter, pass.microbatch);
}

std::string letter_legend(const Schedule& schedule) {
  std::string legend = "F forward, B backward";
  if (schedule.splits_backward()) legend += " for the input, W for the weights";
  if (schedule.chunks == 2) legend += "; small letters: chunk 1";
  return legend + "; dots: idle";
}

// At most `columns`. Times that differ by rounding alone fall into the same column.
size_t column_of(double time, double columns_per_time, size_t columns) {
  const double column = std::floor(time * columns_per_time + 1e-6);
  return static_cast<size_t>(std::min(column, static_cast<double>(columns)));
}

// The first `columns` characters of a stage's row.
std::string text_row(const Schedule& schedule, const std::vector<TimedPass>& passes,
                     double columns_per_time, size_t columns) {
  const auto column = [&](double time) { return column_of(time, columns_per_time, columns); };
  std::string row(columns, '.');
  for (const TimedPass& timed : passes) {
    const size_t begin = column(timed.begin), width = column(timed.end) - begin;
    std::string label = letter_label(schedule, timed.pass);
    label.resize(width, ' ');
    row.replace(begin, width, label);
  }
  return row;
}

// Of the picture as SVG, in pixels.
constexpr double kRowHeight = 24, kBoxHeight = 20, kMargin = 148, kTop = 64, kEdge = 12;
constexpr double kBoxWidthMin = 20, kPictureWidthMax = 2400, kDigitWidth = 7;

struct Colour {
  int red, green, blue;
};
// By kind; dark enough for a bright page and bright enough for black letters.
constexpr std::array<Colour, 4> kColours = {
    {{88, 150, 214}, {84, 178, 120}, {84, 178, 120}, {236, 158, 72}}};
constexpr std::array<std::string_view, 4> kMeanings = {
    "forward (F)", "backward (B)", "backward, input (Bi)", "backward, weights (Bw)"};

// Of chunk 0 as in the table, of later chunks on the way to white.
std::string shade(PassKind kind, int chunk, int chunks) {
  const Colour colour = kColours[static_cast<size_t>(kind)];
  const double part = chunks > 1 ? 0.55 * chunk / (chunks - 1) : 0;
  const auto mix = [&](int channel) { return std::lround(channel + part * (255 - channel)); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(colour.red), mix(colour.green), mix(colour.blue));
}

std::string svg_box(const Schedule& schedule, const TimedPass& timed, double pixels, double top) {
  const double x = kMargin + timed.begin * pixels, width = (timed.end - timed.begin) * pixels;
  const std::string number = fmt::format("{}", timed.pass.microbatch);
  std::string box = fmt::format(
      "<rect class=\"pass\" x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\">"
      "<title>{}</title></rect>\n",
      x, top, width, kBoxHeight, shade(timed.pass.kind, timed.pass.chunk, schedule.chunks),
      to_string(timed.pass));
  if (width >= kDigitWidth * static_cast<double>(number.size()) + 2) {
    box += fmt::format("<text class=\"number\" x=\"{:.2f}\" y=\"{}\">{}</text>\n", x + width / 2,
                       top + kBoxHeight - 6, number);
  }
  return box;
}

std::string svg_row(const Schedule& schedule, const Timeline& timeline, int stage, double pixels,
                    double width) {
  const double top = kTop + stage * kRowHeight;
  std::string row = fmt::format(
      "<text x=\"{}\" y=\"{}\">stage {}, holds {:.3g}</text>\n"
      "<rect class=\"idle\" x=\"{}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\"/>\n",
      kEdge, top + kBoxHeight - 6, stage, held_microbatches(schedule, stage), kMargin, top, width,
      kBoxHeight);
  for (const TimedPass& timed : timeline.stages[static_cast<size_t>(stage)]) {
    if (timed.end > timed.begin) row += svg_box(schedule, timed, pixels, top);
  }
  return row;
}

// A square of each colour that the schedule has, and what it means.
std::string svg_legend(const Schedule& schedule) {
  const bool split = schedule.splits_backward();
  std::string legend;
  double x = kMargin;
  for (size_t k = 0; k < kColours.size(); ++k) {
    const auto kind = static_cast<PassKind>(k);
    const bool whole = kind == PassKind::kBackward;
    if (kind != PassKind::kForward && whole == split) continue;
    for (int c = 0; c < schedule.chunks; ++c, x += 16) {
      legend += fmt::format(
          "<rect class=\"key\" x=\"{}\" y=\"36\" width=\"14\" height=\"14\" fill=\"{}\"/>\n", x,
          shade(kind, c, schedule.chunks));
    }
    legend += fmt::format("<text x=\"{}\" y=\"48\">{}</text>\n", x + 4, kMeanings[k]);
    x += 24 + kDigitWidth * static_cast<double>(kMeanings[k].size());
  }
  if (schedule.chunks == 1) return legend;
  return legend + fmt::format("<text x=\"{}\" y=\"48\">lighter: later chunks</text>\n", x);
}

constexpr std::string_view kStyle =
    "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold;font-size:14px}"
    ".number{font-size:11px;text-anchor:middle;fill:#000}"
    ".pass{stroke:#fff;stroke-width:.5}.idle{fill:#e4e4e4}</style>\n";

}  // namespace

std::string draw_text(const Schedule& schedule, const Timeline& timeline, int width) {
  const Extent extent = extent_of(timeline);
  const ScheduledPass longest = {PassKind::kForward, schedule.microbatches - 1, 0};
  const double columns_per_time =
      static_cast<double>(letter_label(schedule, longest).size()) / extent.shortest;
  const size_t margin = fmt::format("{} |", schedule.stage_count() - 1).size();
  const size_t room = static_cast<size_t>(std::max(width - static_cast<int>(margin), 1));
  const size_t columns = column_of(extent.end, columns_per_time, room);
  std::string text = title_of(schedule, timeline) + "\n";
  for (size_t s = 0; s < timeline.stages.size(); ++s) {
    const std::string row = text_row(schedule, timeline.stages[s], columns_per_time, columns);
    text += fmt::format("{:>{}} |{}\n", s, margin - 2, row);
  }
  text += letter_legend(schedule) + "\n";
  const double shown = static_cast<double>(columns) / columns_per_time;
  if (shown < extent.end - 1 / columns_per_time) {
    text += fmt::format("cut at {} characters: the first {:.0f} % of the time\n", width,
                        100 * shown / extent.end);
  }
  return text;
}

std::string draw_svg(const Schedule& schedule, const Timeline& timeline) {
  const Extent extent = extent_of(timeline);
  const double pixels = std::min(kBoxWidthMin / extent.shortest, kPictureWidthMax / extent.end);
  const double row_width = extent.end * pixels;
  const double width = std::max(kMargin + row_width + kEdge, 760.0);
  const double height = kTop + schedule.stage_count() * kRowHeight + kEdge;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\">\n{2}"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text class=\"title\" x=\"{3}\" y=\"22\">{4}</text>\n",
      width, height, kStyle, kEdge, title_of(schedule, timeline));
  svg += svg_legend(schedule);
  for (int s = 0; s < schedule.stage_count(); ++s) {
    svg += svg_row(schedule, timeline, s, pixels, row_width);
  }
  return svg + "</svg>\n";
}

}  // namespace tutti
