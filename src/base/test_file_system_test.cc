#include "base/test_file_system.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

void append(FileSystem& fs, const std::string& path, std::string_view bytes, bool sync) {
  auto file = fs.open_append(path);
  ASSERT_TRUE(file.ok()) << file.message();
  ASSERT_TRUE((*file)->append(bytes).ok());
  if (sync) {
    ASSERT_TRUE((*file)->sync().ok());
  }
  ASSERT_TRUE((*file)->close().ok());
}

TEST(TestFileSystem, BehavesAsADisk) {
  TestFileSystem fs;
  ASSERT_TRUE(fs.create_directories("/run/a").ok());
  append(fs, "/run/a/x", "one ", false);
  append(fs, "/run/a/x", "two", false);
  EXPECT_EQ(*read_file(fs, "run/a/x"), "one two");
  EXPECT_EQ(fs.open("/run/b").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(fs.create("/absent/x").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(fs.open("/run/a").ok());
  char out[4];
  EXPECT_EQ((*fs.open("/run/a/x"))->read_at(4, out).error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(fs.remove("/run/a").ok()) << "not empty";
  ASSERT_TRUE(fs.rename("/run/a/x", "/run/y").ok());
  ASSERT_EQ(fs.list("/run")->size(), 2u);
  EXPECT_EQ((*fs.list("/run"))[1].name, "y");
  EXPECT_TRUE(remove_tree(fs, "/run").ok());
  EXPECT_FALSE(exists(fs, "/run"));
}

TEST(TestFileSystem, UnsyncedBytesAreLostWithThePower) {
  TestFileSystem fs;
  append(fs, "x", "kept", true);
  ASSERT_TRUE(fs.sync_directory("/").ok());
  append(fs, "x", " lost", false);
  EXPECT_EQ(*read_file(fs, "x"), "kept lost");
  fs.restart();
  EXPECT_EQ(*read_file(fs, "x"), "kept");
}

TEST(TestFileSystem, ACutIsDurableOnceItIsSynced) {
  TestFileSystem fs;
  append(fs, "x", "0123456789", true);
  ASSERT_TRUE(fs.sync_directory("/").ok());
  ASSERT_TRUE(fs.truncate("x", 4).ok());
  EXPECT_EQ(*read_file(fs, "x"), "0123");
  fs.restart();
  EXPECT_EQ(*read_file(fs, "x"), "0123456789");
  ASSERT_TRUE(fs.truncate("x", 4).ok());
  append(fs, "x", "ab", true);
  fs.restart();
  EXPECT_EQ(*read_file(fs, "x"), "0123ab");
}

TEST(TestFileSystem, UnsyncedNamesAreLostWithThePower) {
  TestFileSystem fs;
  append(fs, "old", "1", true);
  append(fs, "removed", "2", true);
  ASSERT_TRUE(fs.sync_directory("/").ok());
  append(fs, "new", "3", true);
  ASSERT_TRUE(fs.rename("old", "renamed").ok());
  ASSERT_TRUE(fs.remove("removed").ok());
  fs.restart();
  EXPECT_FALSE(exists(fs, "new"));
  EXPECT_FALSE(exists(fs, "renamed"));
  EXPECT_EQ(*read_file(fs, "old"), "1");
  EXPECT_EQ(*read_file(fs, "removed"), "2");
}

TEST(TestFileSystem, FilesOpenedBeforeTheLossFailAfterIt) {
  TestFileSystem fs;
  append(fs, "x", "12", true);
  ASSERT_TRUE(fs.sync_directory("/").ok());
  auto reader = fs.open("x");
  auto writer = fs.open_append("x");
  fs.restart();
  char out[1];
  EXPECT_EQ((*reader)->read_at(0, out).error().kind, ErrorKind::kIo);
  EXPECT_EQ((*writer)->append("3").error().kind, ErrorKind::kIo);
  EXPECT_EQ(*read_file(fs, "x"), "12");
}

TEST(TestFileSystem, FullDiskTakesWhatFits) {
  TestFileSystem fs;
  fs.set_capacity(10);
  append(fs, "a", "123456", false);
  auto file = fs.create("b");
  const Status status = (*file)->append("abcdef");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  EXPECT_EQ(*read_file(fs, "b"), "abcd");
  EXPECT_EQ(*fs.free_bytes("/"), 0u);
  ASSERT_TRUE(fs.remove("a").ok());
  EXPECT_EQ(*fs.free_bytes("/"), 6u) << "removing makes room";
}

TEST(TestFileSystem, AtomicWriteOnAFullDiskKeepsTheOldAndFreesTheRest) {
  TestFileSystem fs;
  fs.set_capacity(8);
  ASSERT_TRUE(write_file_atomic(fs, "x", "old").ok());
  const Status status = write_file_atomic(fs, "x", "too long");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  EXPECT_EQ(*read_file(fs, "x"), "old");
  EXPECT_EQ(*fs.free_bytes("/"), 5u);
}

// The operations of one atomic write are enumerated; power is lost at each of them in turn.
TEST(TestFileSystem, AtomicWriteIsAllOrNothingWhereverPowerIsLost) {
  bool saw_old = false, saw_new = false;
  for (int64_t at = 0;; ++at) {
    ASSERT_LT(at, 100);
    TestFileSystem fs;
    ASSERT_TRUE(write_file_atomic(fs, "x", "old").ok());
    const int64_t before = fs.operations();
    fs.lose_power_at(before + at);
    const bool reported = write_file_atomic(fs, "x", "new").ok();
    const bool finished = fs.operations() <= before + at;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      TestFileSystem other;  // the same history, torn in another way
      ASSERT_TRUE(write_file_atomic(other, "x", "old").ok());
      other.lose_power_at(before + at);
      (void)write_file_atomic(other, "x", "new");
      other.restart_torn(seed);
      const std::string text = *read_file(other, "x");
      ASSERT_TRUE(text == "old" || text == "new")
          << "at " << at << ", seed " << seed << ": " << text;
      if (reported) {
        ASSERT_EQ(text, "new") << "reported as written";
      }
      (text == "old" ? saw_old : saw_new) = true;
    }
    if (finished) break;
  }
  EXPECT_TRUE(saw_old && saw_new);
}

// Without the sync of its bytes a renamed file may be there and empty: the fault that the class
// finds.
TEST(TestFileSystem, FindsTheMissingSync) {
  TestFileSystem fs;
  append(fs, "x.tmp", "content", false);
  ASSERT_TRUE(fs.rename("x.tmp", "x").ok());
  ASSERT_TRUE(fs.sync_directory("/").ok());
  fs.restart();
  EXPECT_EQ(*read_file(fs, "x"), "");
}

TEST(TestFileSystem, TornRestartKeepsAPrefix) {
  bool saw_part = false, saw_zeros = false;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    TestFileSystem fs;
    append(fs, "x", "durable", true);
    ASSERT_TRUE(fs.sync_directory("/").ok());
    append(fs, "x", " and the rest", false);
    fs.restart_torn(seed);
    const std::string text = *read_file(fs, "x");
    ASSERT_TRUE(text.starts_with("durable")) << "seed " << seed;
    ASSERT_LE(text.size(), 20u) << "seed " << seed;
    saw_part |= text.size() > 7 && text.size() < 20;
    saw_zeros |= text.find('\0') != std::string::npos;
  }
  EXPECT_TRUE(saw_part);
  EXPECT_TRUE(saw_zeros);
}

TEST(TestFileSystem, OneOperationFailsOnDemand) {
  TestFileSystem fs;
  fs.fail_operation(fs.operations() + 1);
  auto file = fs.create("x");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->append("12").error().kind, ErrorKind::kIo);
  EXPECT_TRUE((*file)->append("34").ok());
  EXPECT_EQ(*read_file(fs, "x"), "134") << "half of the failed append is there";
}

TEST(TestFileSystem, FlipsABitAtRest) {
  TestFileSystem fs;
  append(fs, "x", "A", true);
  ASSERT_TRUE(fs.sync_directory("/").ok());
  fs.flip_bit("x", 0, 1);
  EXPECT_EQ(*read_file(fs, "x"), "C");
  fs.restart();
  EXPECT_EQ(*read_file(fs, "x"), "C");
}

TEST(TestFileSystem, ALockIsHeldUntilItGoesOrThePowerDoes) {
  TestFileSystem fs;
  auto first = fs.lock("/lock", "me");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(fs.lock("/lock", "another").message(), "/lock is held by me");
  first->reset();
  auto second = fs.lock("/lock", "another");
  ASSERT_TRUE(second.ok());
  fs.restart();
  auto third = fs.lock("/lock", "a third");
  ASSERT_TRUE(third.ok());
  second->reset();  // it was lost with the power: this releases nothing
  EXPECT_EQ(fs.lock("/lock", "me").message(), "/lock is held by a third");
  EXPECT_FALSE(fs.lock("/absent/lock", "me").ok());
}

}  // namespace
}  // namespace tutti
