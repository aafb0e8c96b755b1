#include "train/run_start.h"

#include "train/test_run.h"

namespace tutti {
namespace {

TEST(RunStart, ABrokenCheckpointIsPassedOverForAnOlderOneButNeverForNone) {
  const auto fs = test_disk();
  Recorder recorder;
  ASSERT_TRUE(
      train_run(*fs, test_config({"checkpoint.every=6", "checkpoint.keep=0"}), recorder).ok());
  fs->flip_bit("/run/step-000012/rank-00000.safetensors", 5000, 3);
  auto start = find_start(*fs, "/run", true);
  ASSERT_TRUE(start.ok()) << start.message();
  ASSERT_TRUE(start->has_value());
  EXPECT_EQ((*start)->manifest().step, 6);
  fs->flip_bit("/run/step-000006/rank-00000.safetensors", 5000, 3);
  start = find_start(*fs, "/run", true);
  ASSERT_FALSE(start.ok());
  EXPECT_TRUE(exists(*fs, "/run/log.jsonl"));
}

TEST(RunStart, ARunThatDiedBeforeItsFirstCheckpointStartsAgain) {
  const auto fs = test_disk();
  ASSERT_TRUE(write_run_files(*fs, test_config(), "").ok());
  const auto start = find_start(*fs, "/run", true);
  ASSERT_TRUE(start.ok()) << start.message();
  EXPECT_FALSE(start->has_value());
  EXPECT_FALSE(find_start(*fs, "/run", false).ok());
}

TEST(RunStart, AFileInTheDirectorysPlaceIsAnErrorThatNamesIt) {
  const auto fs = test_disk();
  ASSERT_TRUE(write_file_atomic(*fs, "/run", "not a directory").ok());
  const auto start = find_start(*fs, "/run", false);
  ASSERT_FALSE(start.ok());
  EXPECT_NE(start.message().find("/run"), std::string::npos);
}

}  // namespace
}  // namespace tutti
