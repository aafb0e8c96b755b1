#include "checkpoint/retention.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "base/test_sanitized.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"

namespace tutti {
namespace {

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    for (int64_t step = 1; step <= 4; ++step) {
      const TestSnapshot snapshot(step);
      EXPECT_TRUE(save_checkpoint(fs_, "/run", snapshot.snapshot).ok());
    }
  }
  std::vector<int64_t> steps() {
    std::vector<int64_t> result;
    const auto entries = list_checkpoints(fs_, "/run");
    for (const CheckpointEntry& entry : entries.value()) {
      result.push_back(entry.step);
    }
    return result;
  }

  TestFileSystem fs_;
};

using Steps = std::vector<int64_t>;

TEST_F(RetentionTest, KeepsTheNewestAndDeletesLeftovers) {
  ASSERT_TRUE(begin_save(fs_, "/run", 9, "crashed").ok());
  const auto deleted = keep_last(fs_, "/run", 2);
  ASSERT_TRUE(deleted.ok()) << deleted.message();
  EXPECT_EQ(deleted.value().size(), 3u);
  EXPECT_EQ(steps(), (Steps{4, 3}));
  EXPECT_FALSE(exists(fs_, "/run/step-000009.tmp-crashed"));
  EXPECT_TRUE(exists(fs_, "/run/latest"));
}

TEST_F(RetentionTest, DeletesNothingWhenTheNewestIsDamaged) {
  const std::string path = "/run/step-000004/rank-00000.safetensors";
  fs_.flip_bit(path, fs_.stat(path)->bytes - 1, 3);
  const auto deleted = keep_last(fs_, "/run", 1);
  ASSERT_FALSE(deleted.ok());
  EXPECT_NE(deleted.message().find("no older one is deleted"), std::string::npos);
  EXPECT_EQ(steps(), (Steps{4, 3, 2, 1}));
}

TEST_F(RetentionTest, LeavesBrokenManifestsForAPerson) {
  fs_.flip_bit("/run/step-000002/manifest.json", 100, 0);
  ASSERT_TRUE(keep_last(fs_, "/run", 1).ok());
  EXPECT_TRUE(exists(fs_, "/run/step-000002/manifest.json"));
  EXPECT_FALSE(exists(fs_, "/run/step-000003"));
}

TEST_F(RetentionTest, DeletesNothingWhenThereIsNoCheckpoint) {
  ASSERT_TRUE(begin_save(fs_, "/other", 9, "crashed").ok());
  const auto deleted = keep_last(fs_, "/other", 1);
  EXPECT_EQ(deleted.error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(exists(fs_, "/other/step-000009.tmp-crashed"));
}

TEST_F(RetentionTest, PowerLostAtAnyOperationKeepsTheNewest) {
  for (int64_t n = 0; n < 60; n += kSanitized ? 4 : 1) {
    SCOPED_TRACE(fmt::format("operation {}", n));
    TestFileSystem fs;
    for (int64_t step = 1; step <= 3; ++step) {
      const TestSnapshot snapshot(step);
      ASSERT_TRUE(save_checkpoint(fs, "/run", snapshot.snapshot).ok());
    }
    fs.lose_power_at(fs.operations() + n);
    (void)keep_last(fs, "/run", 1);
    fs.restart_torn(static_cast<uint64_t>(n));
    auto newest = load_checkpoint(fs, "/run");
    ASSERT_TRUE(newest.ok()) << newest.message();
    TestSnapshot(3).expect_equal(*newest);
    // Whatever is still there is either whole or without a manifest.
    const auto entries = list_checkpoints(fs, "/run");
    for (const CheckpointEntry& entry : entries.value()) {
      EXPECT_TRUE(!entry.committed || load_checkpoint(fs, entry.path).ok()) << entry.path;
    }
    ASSERT_TRUE(keep_last(fs, "/run", 1).ok());
    EXPECT_EQ(list_checkpoints(fs, "/run").value().size(), 1u);
  }
}

}  // namespace
}  // namespace tutti
