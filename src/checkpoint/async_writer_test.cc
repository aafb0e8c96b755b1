#include "checkpoint/async_writer.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"

namespace tutti {
namespace {

TEST(AsyncWriter, WritesAStagedCopyNotWhatTheTensorsBecame) {
  TestFileSystem fs;
  SaveGroup group(fs, "/run", 0);
  AsyncWriter writer(group);
  std::string weights(4 << 20, 'a');
  Snapshot snapshot;
  snapshot.tensors = {{"w", DType::kU8, {4 << 20}, {}, weights}};
  ASSERT_TRUE(writer.save(snapshot).ok());
  std::fill(weights.begin(), weights.end(), 'b');
  const Status status = writer.finish();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_FALSE(writer.busy());
  EXPECT_EQ(writer.staging_bytes(), weights.size());
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  std::string read(weights.size(), '\0');
  ASSERT_TRUE(checkpoint->read("w", read).ok());
  EXPECT_EQ(read, std::string(weights.size(), 'a'));
}

TEST(AsyncWriter, RefusesToReserveWhatTheMachineDoesNotHave) {
  TestFileSystem fs;
  SaveGroup group(fs, "/run", 0);
  AsyncWriter writer(group);
  const Status status = writer.reserve(uint64_t{1} << 50);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  const TestSnapshot snapshot(1);
  ASSERT_TRUE(writer.save(snapshot.snapshot).ok());
  EXPECT_TRUE(writer.finish().ok());
}

TEST(AsyncWriter, SavesIntoMemoryThatIsTouchedInTheBackground) {
  TestFileSystem fs;
  SaveGroup group(fs, "/run", 0);
  AsyncWriter writer(group);
  ASSERT_TRUE(writer.reserve(8 << 20).ok());
  writer.prefault();
  const TestSnapshot snapshot(1);
  ASSERT_TRUE(writer.save(snapshot.snapshot).ok());
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(writer.staging_bytes(), uint64_t{8} << 20);
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  snapshot.expect_equal(*checkpoint);
}

TEST(AsyncWriter, KeepsTheNewest) {
  TestFileSystem fs;
  {
    SaveGroup group(fs, "/run", 2);
    AsyncWriter writer(group);
    for (int64_t step = 1; step <= 5; ++step) {
      const TestSnapshot snapshot(step);
      ASSERT_TRUE(writer.save(snapshot.snapshot).ok());
    }
  }  // waits for the last one
  const auto entries = list_checkpoints(fs, "/run").value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].step, 5);
  EXPECT_EQ(entries[1].step, 4);
}

TEST(AsyncWriter, ReportsAnErrorAtTheNextCallOnceAndGoesOn) {
  TestFileSystem fs;
  SaveGroup group(fs, "/run", 0);
  AsyncWriter writer(group);
  const TestSnapshot first(1), second(2);
  fs.set_capacity(100);
  ASSERT_TRUE(writer.save(first.snapshot).ok());
  const Status failed = writer.save(second.snapshot);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kResource);
  fs.set_capacity(UINT64_MAX);
  ASSERT_TRUE(writer.save(second.snapshot).ok());
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_TRUE(writer.finish().ok());
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok());
  second.expect_equal(*checkpoint);
}

}  // namespace
}  // namespace tutti
