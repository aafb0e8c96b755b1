#include "telemetry/run_log.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"

namespace tutti {
namespace {

std::vector<int64_t> steps_of(FileSystem& fs) {
  std::vector<int64_t> steps;
  const auto text = read_file(fs, "run/log.jsonl");
  if (!text.ok()) return steps;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t feed = rest.find('\n');
    const auto record = parse_step_record(rest.substr(0, feed));
    steps.push_back(record.ok() ? record->step : -1);
    rest.remove_prefix(feed == std::string_view::npos ? rest.size() : feed + 1);
  }
  return steps;
}

Status log_steps(FileSystem& fs, int64_t resume_step, int64_t last) {
  VirtualClock clock;
  TUTTI_ASSIGN(RunLog log, RunLog::open(fs, clock, "run", {.resume_step = resume_step}));
  for (int64_t step = resume_step + 1; step <= last; ++step) {
    TUTTI_TRY(log.append({.step = step, .loss = 1.0 / static_cast<double>(step)}));
  }
  return log.sync();
}

TEST(RunLog, HasEachStepOnceAfterAResume) {
  TestFileSystem fs;
  ASSERT_TRUE(log_steps(fs, 0, 7).ok());
  ASSERT_TRUE(log_steps(fs, 4, 6).ok());
  EXPECT_EQ(steps_of(fs), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(log_steps(fs, 0, 2).ok());
  EXPECT_EQ(steps_of(fs), (std::vector<int64_t>{1, 2})) << "a new run begins a new log";
  EXPECT_EQ(fs.list("run/tensorboard")->size(), 3u);
}

TEST(RunLog, DropsATornLastLineAndSaysSo) {
  TestFileSystem fs;
  ASSERT_TRUE(log_steps(fs, 0, 3).ok());
  ASSERT_TRUE((*fs.open_append("run/log.jsonl"))->append("{\"step\":4,\"lo").ok());
  VirtualClock clock;
  auto log = RunLog::open(fs, clock, "run", {.resume_step = 5});
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->dropped_lines(), 1);
  EXPECT_EQ(log->last_step(), 3);
  ASSERT_TRUE(log->append({.step = 4}).ok());
  EXPECT_EQ(steps_of(fs), (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST(RunLog, LeavesAGoodLogAsItIs) {
  TestFileSystem fs;
  ASSERT_TRUE(log_steps(fs, 0, 3).ok());
  const std::string before = *read_file(fs, "run/log.jsonl");
  ASSERT_TRUE(log_steps(fs, 3, 3).ok());
  EXPECT_EQ(*read_file(fs, "run/log.jsonl"), before);
}

TEST(RunLog, WorksWithoutTensorBoard) {
  TestFileSystem fs;
  VirtualClock clock;
  auto log = RunLog::open(fs, clock, "run", {.tensorboard = false});
  ASSERT_TRUE(log.ok());
  ASSERT_TRUE(log->append({.step = 1}).ok());
  ASSERT_TRUE(log->text(1, "note", "x").ok());
  ASSERT_TRUE(log->sync().ok());
  EXPECT_FALSE(exists(fs, "run/tensorboard"));
  EXPECT_EQ(steps_of(fs), (std::vector<int64_t>{1}));
}

// Power is lost at every operation of a run in turn, the disk is left torn, and the run resumes
// from its checkpoint of step 3, whose publication follows the first sync.
TEST(RunLog, HasEachStepOnceWhereverPowerIsLost) {
  TestFileSystem whole;
  ASSERT_TRUE(whole.create_directories("run").ok());
  ASSERT_TRUE(whole.sync_directory("/").ok());
  ASSERT_TRUE(log_steps(whole, 0, 3).ok());
  const int64_t published = whole.operations();
  ASSERT_TRUE(log_steps(whole, 3, 6).ok());
  const int64_t operations = whole.operations();
  for (int64_t at = published; at <= operations; ++at) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      TestFileSystem fs;
      ASSERT_TRUE(fs.create_directories("run").ok());
      ASSERT_TRUE(fs.sync_directory("/").ok());
      ASSERT_TRUE(log_steps(fs, 0, 3).ok());
      fs.lose_power_at(at);
      (void)log_steps(fs, 3, 6);
      fs.restart_torn(seed);
      ASSERT_TRUE(log_steps(fs, 3, 5).ok());
      ASSERT_EQ(steps_of(fs), (std::vector<int64_t>{1, 2, 3, 4, 5}))
          << "power lost at operation " << at << ", seed " << seed;
    }
  }
}

TEST(RunLogDeathTest, StepsMustRise) {
  TestFileSystem fs;
  VirtualClock clock;
  auto log = RunLog::open(fs, clock, "run");
  ASSERT_TRUE(log.ok());
  ASSERT_TRUE(log->append({.step = 2}).ok());
  EXPECT_DEATH((void)log->append({.step = 2}), "step 2 after step 2");
}

}  // namespace
}  // namespace tutti
