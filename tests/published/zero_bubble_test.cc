// From published times of passes the schedules reproduce the published bubble rates.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "schedule/generators.h"

namespace tutti {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<Row> read_rows(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> names;
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) rows.back()[names[i]] = cells.at(i);
  }
  return rows;
}

struct Case {
  std::string model;
  int stages, microbatches, chunks;
  PassTimes times;
  double weight_part;  // of a layer's activations: what weight gradients need
  std::map<std::string, double> published;
};

Case case_of(const Row& row) {
  const auto number = [&](const std::string& name) { return std::stod(row.at(name)); };
  Case c;
  c.model = row.at("model");
  c.stages = std::stoi(row.at("p"));
  c.microbatches = std::stoi(row.at("m"));
  c.chunks = c.model == "1.5B" ? 3 : 4;
  c.times = {number("TF"), number("TB"), number("TW"), number("Tcomm")};
  // ibid., table 1 and section 2.3: sb (34 h + 5 a s) bytes from F to Bi, 32 sbh from Bi to Bw.
  const bool small = c.model == "1.5B";
  const double heads = small ? 24 : 32, hidden = small ? 2304 : 4096, seq = 1024;
  c.weight_part = 32 * hidden / (34 * hidden + 5 * heads * seq);
  for (const auto& [name, text] : row) {
    if (name.starts_with("bub_")) c.published[name.substr(4)] = std::stod(text);
  }
  return c;
}

struct Checked {
  const char* name;
  Schedule schedule;
  double above, below;  // how far the rate may be from the published one
  double limit;         // microbatches that a stage may hold
};

std::vector<Checked> schedules_of(const Case& c) {
  const int p = c.stages, m = c.microbatches;
  const double loops = 2.0 * p;
  return {
      {"1f1b", one_forward_one_backward_schedule(p, m), 5e-4, 5e-4, 1.0 * p},
      {"1f1bI", interleaved_schedule(p, m, c.chunks), 0.01, 0.01, loops},
      {"zbh1", zb_h1_schedule(p, m), 5e-4, 5e-4, 1.0 * p},
      {"zbh2", zb_h2_schedule(p, m), 5e-4, 5e-4, 2.0 * p - 1},
      {"zb1p", zero_bubble_schedule(p, m, {c.times, 1.0 * p, c.weight_part}), 0.01, 1, 1.0 * p},
      {"zb2p", zero_bubble_schedule(p, m, {c.times, 2.0 * p, c.weight_part}), 0.01, 1, 2.0 * p},
  };
}

TEST(ZeroBubble, PublishedRatesFollowFromPublishedTimes) {
  const auto rows = read_rows(TUTTI_SOURCE_DIR "/tests/published/zero_bubble.csv");
  ASSERT_EQ(rows.size(), 6u);
  for (const Row& row : rows) {
    const Case c = case_of(row);
    std::string line = fmt::format("{} p {} m {:2}:", c.model, c.stages, c.microbatches);
    for (const Checked& checked : schedules_of(c)) {
      const Status status = verify(checked.schedule);
      ASSERT_TRUE(status.ok()) << checked.name << ": " << status.message();
      const Status held = verify_held(checked.schedule, checked.limit, c.weight_part);
      EXPECT_TRUE(held.ok()) << checked.name << ": " << held.message();
      const double rate = simulate(checked.schedule, c.times).bubble_rate();
      const double published = c.published.at(checked.name);
      EXPECT_LE(rate, published + checked.above) << line << checked.name;
      EXPECT_GE(rate, published - checked.below) << line << checked.name;
      line += fmt::format("  {} {:.4f} ({:.4f})", checked.name, rate, published);
    }
    fmt::print("{}\n", line);
  }
}

}  // namespace
}  // namespace tutti
