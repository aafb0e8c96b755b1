#include "checkpoint/staged_files.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"

namespace tutti {
namespace {

std::vector<std::string> names(FileSystem& fs) {
  std::vector<std::string> result;
  const auto entries = fs.list("/d");
  EXPECT_TRUE(entries.ok());
  for (const DirectoryEntry& entry : entries.value()) result.push_back(entry.name);
  return result;
}

TEST(StagedFiles, AppearTogether) {
  TestFileSystem fs;
  ASSERT_TRUE(fs.create_directories("/d").ok());
  ASSERT_TRUE(write_file_atomic(fs, "/d/a", "old").ok());
  ASSERT_TRUE(write_file_atomic(fs, "/d/stale", "old").ok());
  auto files = StagedFiles::begin(fs, "/d");
  ASSERT_TRUE(files.ok());
  ASSERT_TRUE(files->write("a", "new").ok());
  ASSERT_TRUE(files->write("b", "new").ok());
  EXPECT_EQ(read_file(fs, "/d/a").value(), "old");
  EXPECT_FALSE(exists(fs, "/d/b"));
  ASSERT_TRUE(files->commit({"stale"}).ok());
  EXPECT_EQ(names(fs), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_file(fs, "/d/a").value(), "new");
}

TEST(StagedFiles, SurviveALossOfPowerOnceCommitted) {
  TestFileSystem fs;
  {
    auto files = StagedFiles::begin(fs, "/d");
    ASSERT_TRUE(files.ok());
    ASSERT_TRUE(files->write("a", "new").ok());
    ASSERT_TRUE(files->commit().ok());
  }
  fs.restart();
  EXPECT_EQ(read_file(fs, "/d/a").value(), "new");
}

// Each operation fails once: the file has its old content or its new, and nothing else is left.
TEST(StagedFiles, LeaveNothingWhenAnOperationFails) {
  for (int64_t failing = 0, last = 1; failing < last; ++failing) {
    TestFileSystem fs;
    ASSERT_TRUE(fs.create_directories("/d").ok());
    ASSERT_TRUE(write_file_atomic(fs, "/d/a", "old").ok());
    const int64_t before = fs.operations();
    fs.fail_operation(before + failing);
    Status status;
    {
      auto files = StagedFiles::begin(fs, "/d");
      status = files.status();
      if (status.ok()) status = files->write("a", "new");
      if (status.ok()) status = files->commit();
    }
    last = fs.operations() - before;
    EXPECT_EQ(names(fs), std::vector<std::string>{"a"}) << failing;
    const std::string content = read_file(fs, "/d/a").value();
    EXPECT_TRUE(content == "old" || content == "new") << content;
  }
}

TEST(StagedFiles, AreStagedByOneAtATime) {
  TestFileSystem fs;
  {
    auto files = StagedFiles::begin(fs, "/d");
    ASSERT_TRUE(files.ok());
    ASSERT_TRUE(files->write("a", "first").ok());
    const auto second = StagedFiles::begin(fs, "/d");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::kResource);
    EXPECT_EQ(second.message().find("/d is in use: "), 0u) << second.message();
    ASSERT_TRUE(files->commit().ok());
  }
  EXPECT_TRUE(StagedFiles::begin(fs, "/d").ok());
  EXPECT_EQ(read_file(fs, "/d/a").value(), "first");
}

TEST(StagedFiles, RemoveWhatAKilledProcessStaged) {
  TestFileSystem fs;
  ASSERT_TRUE(fs.create_directories("/d").ok());
  ASSERT_TRUE(write_file_atomic(fs, "/d/a", "x").ok());
  for (const char* name : {"a.tmp", "notes.tmp"}) {
    ASSERT_TRUE(fs.create(join_path("/d", name)).ok());
  }
  auto files = StagedFiles::begin(fs, "/d");
  ASSERT_TRUE(files.ok());
  ASSERT_TRUE(files->remove_abandoned([](const std::string& name) { return name == "a"; }).ok());
  EXPECT_EQ(names(fs), (std::vector<std::string>{"a", "notes.tmp"}));
}

TEST(StagedFiles, RemoveADirectoryThatWasMadeForThem) {
  TestFileSystem fs;
  {
    auto files = StagedFiles::begin(fs, "/d");
    ASSERT_TRUE(files->write("a", "new").ok());
  }
  EXPECT_FALSE(exists(fs, "/d"));
}

}  // namespace
}  // namespace tutti
