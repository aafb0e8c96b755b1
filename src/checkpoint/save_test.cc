#include "checkpoint/save.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "base/test_file_system.h"
#include "base/test_sanitized.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/retention.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"

namespace tutti {
namespace {

Status save(FileSystem& fs, int64_t step) {
  const TestSnapshot snapshot(step);
  return save_checkpoint(fs, "/home/run", snapshot.snapshot).status();
}

int64_t newest_step(FileSystem& fs) {
  auto checkpoint = load_checkpoint(fs, "/home/run");
  if (!checkpoint.ok()) return -1;
  TestSnapshot(checkpoint->manifest().step).expect_equal(*checkpoint);
  return checkpoint->manifest().step;
}

class SaveTest : public testing::Test {
 protected:
  // Each skipped checkpoint is a warning, and these tests skip thousands.
  SaveTest() { set_log_level(LogLevel::kError); }
  ~SaveTest() override { set_log_level(LogLevel::kInfo); }
};

// What one save of step 2, after step 1, costs in operations.
int64_t save_operations() {
  TestFileSystem fs;
  EXPECT_TRUE(save(fs, 1).ok());
  const int64_t before = fs.operations();
  EXPECT_TRUE(save(fs, 2).ok());
  return fs.operations() - before;
}

TEST_F(SaveTest, PowerLostAtAnyOperationLeavesTheOldCheckpointOrTheNew) {
  const int64_t operations = save_operations();
  ASSERT_GT(operations, 15);
  for (int64_t n = 0; n <= operations; ++n) {
    for (uint64_t torn_seed = 0; torn_seed < (kSanitized ? 2 : 6); ++torn_seed) {
      SCOPED_TRACE(fmt::format("operation {}, torn seed {}", n, torn_seed));
      TestFileSystem fs;
      ASSERT_TRUE(save(fs, 1).ok());
      fs.lose_power_at(fs.operations() + n);
      const bool saved = save(fs, 2).ok();
      if (torn_seed == 0) {
        fs.restart();
      } else {
        fs.restart_torn(torn_seed);
      }
      const int64_t newest = newest_step(fs);
      EXPECT_TRUE(newest == 2 || (newest == 1 && !saved)) << newest;
      // And the run goes on from there: the next save and retention put everything in order.
      ASSERT_TRUE(save(fs, 3).ok());
      const auto deleted = keep_last(fs, "/home/run", 1);
      ASSERT_TRUE(deleted.ok()) << deleted.message();
      EXPECT_EQ(newest_step(fs), 3);
      EXPECT_EQ(list_checkpoints(fs, "/home/run").value().size(), 1u);
    }
  }
}

TEST_F(SaveTest, TheFirstSaveSurvivesALossOfPowerInANewRunDirectory) {
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, 1).ok());
  fs.restart();
  EXPECT_EQ(newest_step(fs), 1);
}

TEST_F(SaveTest, AnyFailedOperationIsReportedAndNothingIsLost) {
  for (int64_t n = 0; n < save_operations(); ++n) {
    SCOPED_TRACE(fmt::format("operation {}", n));
    TestFileSystem fs;
    ASSERT_TRUE(save(fs, 1).ok());
    fs.fail_operation(fs.operations() + n);
    const bool saved = save(fs, 2).ok();
    const int64_t newest = newest_step(fs);
    EXPECT_TRUE(newest == 2 || (newest == 1 && !saved)) << newest;
    ASSERT_TRUE(save(fs, 2).ok());
    EXPECT_EQ(newest_step(fs), 2);
  }
}

TEST_F(SaveTest, SavingAStepAgainAlsoSurvivesLossOfPowerAtAnyOperation) {
  for (int64_t n = 0; n <= save_operations() + 4; ++n) {
    SCOPED_TRACE(fmt::format("operation {}", n));
    TestFileSystem fs;
    ASSERT_TRUE(save(fs, 1).ok());
    fs.lose_power_at(fs.operations() + n);
    (void)save(fs, 1);
    fs.restart_torn(static_cast<uint64_t>(n));
    EXPECT_EQ(newest_step(fs), 1);
  }
}

// Promises room that it does not have, as a file system with quotas may: the writes fail.
class OptimisticFileSystem : public TestFileSystem {
 public:
  Result<uint64_t> free_bytes(const std::string& path) override { return UINT64_MAX; }
};

uint64_t used_bytes(FileSystem& fs) {
  uint64_t bytes = fs.stat("/home/run/latest")->bytes;
  for (const char* name : {"rank-00000.safetensors", "manifest.json"}) {
    bytes += fs.stat(join_path("/home/run/step-000001", name))->bytes;
  }
  return bytes;
}

TEST_F(SaveTest, ADiskThatFillsUpAtAnyByteIsAnErrorThatLeavesNothingBehind) {
  int saves = 0, refusals = 0;
  for (uint64_t room = 0; room < 4000; room += kSanitized ? 111 : 37) {
    SCOPED_TRACE(fmt::format("room for {} bytes", room));
    OptimisticFileSystem fs;
    ASSERT_TRUE(save(fs, 1).ok());
    fs.set_capacity(used_bytes(fs) + room);
    const Status status = save(fs, 2);
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kResource) << status.message();
    }
    EXPECT_EQ(newest_step(fs), status.ok() ? 2 : 1);
    EXPECT_EQ(list_checkpoints(fs, "/home/run")->size(), status.ok() ? 2u : 1u);
    ++(status.ok() ? saves : refusals);
  }
  EXPECT_GT(saves, 0);
  EXPECT_GT(refusals, kSanitized ? 5 : 20);
}

TEST_F(SaveTest, TooLittleRoomIsToldBeforeAnythingIsWritten) {
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, 1).ok());
  fs.set_capacity(used_bytes(fs) + 4000);
  const Status status = save(fs, 2);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  EXPECT_NE(status.message().find("the disk has 4000 free"), std::string::npos) << status.message();
}

TEST_F(SaveTest, TheNewestIsTheLastSavedNotTheHighestStep) {
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, 100).ok());
  ASSERT_TRUE(save(fs, 200).ok());
  // Someone went back to step 100 and trained on.
  ASSERT_TRUE(save(fs, 150).ok());
  EXPECT_EQ(newest_step(fs), 150);
}

TEST_F(SaveTest, AnUnwritableDirectoryIsAnErrorThatNamesIt) {
  const auto fs = make_posix_file_system();
  std::string directory = testing::TempDir() + "tutti-save-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::string file = directory + "/file";
  ASSERT_TRUE(write_file_atomic(*fs, file, "x").ok());
  const TestSnapshot snapshot(1);
  const auto blocked = save_checkpoint(*fs, file + "/run", snapshot.snapshot);
  ASSERT_FALSE(blocked.ok());
  EXPECT_NE(blocked.message().find(file), std::string::npos) << blocked.message();

  const auto saved = save_checkpoint(*fs, directory + "/a/b/run", snapshot.snapshot);
  ASSERT_TRUE(saved.ok()) << saved.message();
  auto checkpoint = load_checkpoint(*fs, directory + "/a/b/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  snapshot.expect_equal(*checkpoint);
  EXPECT_TRUE(remove_tree(*fs, directory).ok());
}

TEST_F(SaveTest, RefusesTensorsThatDoNotMatchTheirBytes) {
  TestFileSystem fs;
  const auto message_of = [&](auto change) {
    TestSnapshot snapshot(1);
    change(snapshot.snapshot.tensors);
    const auto directory = save_checkpoint(fs, "/home/run", snapshot.snapshot);
    return directory.ok() ? std::string("accepted") : directory.message();
  };
  using Tensors = std::vector<SnapshotTensor>;
  EXPECT_NE(message_of([](Tensors& t) {
              t[1].bytes = t[1].bytes.first(19);
            }).find("tensor \"t1\": got 19 bytes, expected 20"),
            std::string::npos);
  EXPECT_NE(message_of([](Tensors& t) { t[1].name = "t0"; }).find("the name is taken"),
            std::string::npos);
  EXPECT_NE(message_of([](Tensors& t) {
              t[1].boxes = {{{3}, {5}}};
            }).find("does not lie in"),
            std::string::npos);
  EXPECT_EQ(list_checkpoints(fs, "/home/run")->size(), 0u);
}

}  // namespace
}  // namespace tutti
