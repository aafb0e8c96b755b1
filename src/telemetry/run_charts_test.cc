#include "telemetry/run_charts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti {
namespace {

std::vector<StepRecord> records_of(int64_t steps) {
  std::vector<StepRecord> records;
  for (int64_t step = 1; step <= steps; ++step) {
    records.push_back({.step = step,
                       .loss = 8.0 / static_cast<double>(step) + 2,
                       .grad_norm = 1,
                       .lr = 1e-3,
                       .tokens_per_s = 1000,
                       .step_time_s = 0.5});
  }
  return records;
}

std::vector<std::string> titles_of(const std::vector<LineChart>& charts) {
  std::vector<std::string> titles;
  for (const LineChart& chart : charts) titles.push_back(chart.title);
  return titles;
}

TEST(RunCharts, PeakAndMemoryAreThereOnlyWhenLogged) {
  std::vector<StepRecord> records = records_of(5);
  EXPECT_EQ(titles_of(run_charts(records)),
            (std::vector<std::string>{"Loss", "Gradient norm", "Learning rate", "Throughput"}));
  records[3].mfu = 0.5;
  records[3].memory_bytes = int64_t{3} << 30;
  const auto charts = run_charts(records);
  ASSERT_EQ(charts.size(), 6u);
  EXPECT_EQ(charts[4].lines[0].points.at(0).y, 50);
  EXPECT_EQ(charts[5].y_label, "GiB");
  EXPECT_EQ(charts[5].lines[0].points.at(0).y, 3);
  EXPECT_EQ(charts[5].lines[0].last, "3.00 GiB (3221225472 B) at step 4");
  EXPECT_EQ(run_charts({}).size(), 4u);
}

TEST(RunCharts, LossIsSmoothedWhenThereAreStepsEnough) {
  std::vector<StepRecord> records = records_of(9);
  EXPECT_EQ(run_charts(records)[0].lines.size(), 1u);
  records = records_of(300);
  records[99].val_loss = 2.5;
  const LineChart loss = run_charts(records)[0];
  ASSERT_EQ(loss.lines.size(), 3u);
  EXPECT_EQ(loss.lines[0].name, "each step");
  EXPECT_EQ(loss.lines[1].name, "mean of 11 steps");
  EXPECT_EQ(loss.lines[2].name, "validation");
  EXPECT_EQ(loss.lines[2].points.size(), 1u);
  EXPECT_EQ(loss.lines[2].last, "2.5 at step 100");
}

TEST(RunCharts, MarksStepsThatChangedNothing) {
  std::vector<StepRecord> records = records_of(5);
  records[1].skipped = true;
  records[1].loss = std::nan("");
  records[3].grad_norm = std::numeric_limits<double>::infinity();
  const LineChart loss = run_charts(records)[0];
  ASSERT_EQ(loss.marks.size(), 2u);
  EXPECT_EQ(loss.marks[0].text, "step 2, skipped: loss nan, gradient norm 1");
  EXPECT_EQ(loss.marks[1].text, "step 4: loss 4, gradient norm inf");
}

TEST(RunCharts, SummariesHaveExactFiniteExtremes) {
  std::vector<StepRecord> records = records_of(4);
  records[3].loss = std::nan("");
  records[1].val_loss = 3.25;
  records[2].val_loss = std::nan("");
  const auto summaries = summarise_quantities(records);
  ASSERT_EQ(summaries.size(), 6u);
  EXPECT_EQ(summaries[0].name, "loss (nats a token)");
  EXPECT_EQ(summaries[0].last.text, "nan");
  EXPECT_EQ(summaries[0].last.step, 4);
  EXPECT_EQ(summaries[0].lowest->step, 3);
  EXPECT_EQ(summaries[0].highest->text, "10");
  EXPECT_EQ(best_evaluation(records)->step, 2);
  EXPECT_EQ(best_evaluation(records_of(3)), nullptr);
  EXPECT_TRUE(summarise_quantities({}).empty());
}

}  // namespace
}  // namespace tutti
