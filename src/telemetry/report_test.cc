#include "telemetry/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/test_sanitized.h"

namespace tutti {
namespace {

RunReport report_of(int64_t steps) {
  RunReport report{.title = "first try", .directory = "runs/first", .steps_planned = 4000};
  for (int64_t step = 1; step <= steps; ++step) {
    report.log.records.push_back({.step = step,
                                  .loss = 3 + std::sin(static_cast<double>(step)),
                                  .grad_norm = 1,
                                  .lr = 1e-3,
                                  .tokens_per_s = 1000,
                                  .step_time_s = 0.5,
                                  .tokens = step * 2048,
                                  .mfu = 0.4,
                                  .memory_bytes = int64_t{1} << 30,
                                  .wall_s = 1.6e9 + static_cast<double>(step)});
  }
  return report;
}

bool has(const std::string& page, const std::string& part) {
  return page.find(part) != std::string::npos;
}

TEST(Report, SaysHowFarTheRunIs) {
  RunReport report = report_of(1500);
  report.model = "llama, 1.2M parameters";
  report.config = {{"train.steps", "4000"}};
  report.log.records[999].val_loss = 2.125;
  const std::string page = report_page(report);
  for (const char* part :
       {"<h1>first try</h1>", "llama, 1.2M parameters", "<dd>1,500<small>of 4,000</small>",
        "<dd>2.1250<small>at step 1,000</small>", "<dd>3.1M<small>3,072,000</small>",
        "<dd>12 min 30 s</dd>", "<dd>2020-09-13<small>12:51 UTC</small>",
        "<dd>2020-09-13<small>12:26 UTC</small>", "<th>train.steps</th><td>4000</td>",
        "from runs/first."}) {
    EXPECT_TRUE(has(page, part)) << part;
  }
  EXPECT_FALSE(has(page, "class=\"note\""));
}

TEST(Report, NeedsNothingFromOutside) {
  std::string page = report_page(report_of(20));
  const std::string names_space = " xmlns=\"http://www.w3.org/2000/svg\"";
  for (size_t at; (at = page.find(names_space)) != std::string::npos;) {
    page.erase(at, names_space.size());
  }
  for (const char* outside : {"http", "<script", "src=", "href=", "url(", "@import"}) {
    EXPECT_FALSE(has(page, outside)) << outside;
  }
}

TEST(Report, EscapesWhatComesFromFiles) {
  RunReport report = report_of(1);
  report.title = report.directory = report.model = "<script>\"&'";
  report.notes = {"<script>"};
  report.config = {{"<script>", "<script>"}};
  const std::string page = report_page(report);
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_TRUE(has(page, "<h1>&lt;script&gt;&quot;&amp;&#39;</h1>"));
}

TEST(Report, StaysSmallHoweverLongTheRunIs) {
  EXPECT_LT(report_page(report_of(kSanitized ? 20000 : 200000)).size(), 200000u);
}

TEST(Report, SaysWhatWasLeftOut) {
  RunReport report = report_of(3);
  report.log.torn = true;
  report.log.unreadable = 2;
  report.log.replaced = 1;
  const std::string page = report_page(report);
  EXPECT_TRUE(has(page, "The last line of log.jsonl has no end"));
  EXPECT_TRUE(has(page, "could not be read and were left out: 2."));
  EXPECT_TRUE(has(page, "as after a run was resumed, and were left out: 1."));
}

TEST(Report, HoldsForARunWithoutStepsAndOneThatDiverged) {
  EXPECT_TRUE(has(report_page(report_of(0)), "No step is logged yet."));
  RunReport report = report_of(1);
  StepRecord& record = report.log.records[0];
  record.loss = record.grad_norm = record.step_time_s = std::nan("");
  record.tokens_per_s = HUGE_VAL;
  record.skipped = true;
  record.wall_s = 1e300;
  const std::string page = report_page(report);
  EXPECT_TRUE(has(page, "<dd>nan<small>nats a token</small>"));
  EXPECT_TRUE(has(page, "Skipped steps"));
  EXPECT_EQ(training_seconds(report.log), 0);
}

}  // namespace
}  // namespace tutti
