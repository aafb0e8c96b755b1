#include "telemetry/step_log.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"

namespace tutti {
namespace {

std::string line_of(int64_t step, double loss) {
  return to_json_line({.step = step, .loss = loss}) + "\n";
}

TEST(StepLog, ALaterRecordReplacesAnEarlierOneOfItsStep) {
  const StepLog log = parse_step_log(line_of(1, 4) + line_of(2, 3) + line_of(3, 2) +
                                     line_of(2, 3.5) + line_of(2, 3.25) + line_of(4, 1));
  ASSERT_EQ(log.records.size(), 4u);
  EXPECT_EQ(log.records[1].step, 2);
  EXPECT_EQ(log.records[1].loss, 3.25);
  EXPECT_EQ(log.records[2].loss, 2);
  EXPECT_EQ(log.records[3].step, 4);
  EXPECT_EQ(log.replaced, 2);
  EXPECT_FALSE(log.torn);
}

TEST(StepLog, ATornLastLineIsNoBrokenLine) {
  const std::string two = line_of(1, 4) + line_of(2, 3);
  const StepLog torn = parse_step_log(two + "{\"step\":3,\"lo");
  EXPECT_EQ(torn.records.size(), 2u);
  EXPECT_TRUE(torn.torn);
  EXPECT_EQ(torn.unreadable, 0);
  const StepLog broken = parse_step_log("nonsense\n" + two);
  EXPECT_EQ(broken.records.size(), 2u);
  EXPECT_FALSE(broken.torn);
  EXPECT_EQ(broken.unreadable, 1);
  const StepLog whole = parse_step_log(two + to_json_line({.step = 3}));
  EXPECT_EQ(whole.records.size(), 3u) << "only the line feed is missing";
}

TEST(StepLog, NamesADirectoryWithoutALog) {
  TestFileSystem fs;
  const auto missing = read_step_log(fs, "run");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.message(),
            "run holds no log.jsonl: it is no run's directory, or its run has not begun");
  ASSERT_TRUE(fs.create_directories("run").ok());
  ASSERT_TRUE(write_file_atomic(fs, "run/log.jsonl", "text\nof another kind\n").ok());
  const auto other = read_step_log(fs, "run");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.message(), "run/log.jsonl: none of its 2 lines is a step's record");
  ASSERT_TRUE(write_file_atomic(fs, "run/log.jsonl", "").ok());
  EXPECT_TRUE(read_step_log(fs, "run")->records.empty());
}

}  // namespace
}  // namespace tutti
