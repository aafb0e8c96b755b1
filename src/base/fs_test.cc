#include "base/fs.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tutti {
namespace {

class PosixFs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tutti_fs_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(*fs_, directory_).ok()); }

  std::string at(const std::string& name) const { return join_path(directory_, name); }
  std::string content(const std::string& name) {
    auto text = read_file(*fs_, at(name));
    return text.ok() ? *text : "error: " + text.message();
  }
  void write(const std::string& name, std::string_view bytes) {
    auto file = fs_->create(at(name));
    ASSERT_TRUE(file.ok()) << file.message();
    ASSERT_TRUE((*file)->append(bytes).ok());
    ASSERT_TRUE((*file)->close().ok());
  }

  std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
  std::string directory_;
};

TEST_F(PosixFs, MissingFileIsNotFoundAndNamed) {
  const auto file = fs_->open(at("absent"));
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(file.message().find("absent"), std::string::npos);
  EXPECT_NE(file.message().find("No such file"), std::string::npos);
  EXPECT_FALSE(exists(*fs_, at("absent")));
  EXPECT_EQ(fs_->map(at("absent")).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(fs_->list(at("absent")).error().kind, ErrorKind::kNotFound);
}

TEST_F(PosixFs, UnwritableDirectoryIsAnIoError) {
  if (::geteuid() == 0) {
    // Root may write anywhere, but not make a file inside /proc.
    EXPECT_FALSE(fs_->create("/proc/tutti").ok());
    return;
  }
  ASSERT_EQ(::chmod(directory_.c_str(), 0500), 0);
  const auto file = fs_->create(at("x"));
  ::chmod(directory_.c_str(), 0700);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().kind, ErrorKind::kIo);
}

TEST_F(PosixFs, ReadingPastTheEndIsCorruptAndSaysWhere) {
  write("x", "12345");
  auto file = fs_->open(at("x"));
  ASSERT_TRUE(file.ok());
  char out[4];
  EXPECT_TRUE((*file)->read_at(1, out).ok());
  EXPECT_EQ(std::string_view(out, 4), "2345");
  for (const uint64_t offset : {uint64_t{2}, uint64_t{6}, ~uint64_t{0}}) {
    const Status status = (*file)->read_at(offset, out);
    ASSERT_FALSE(status.ok()) << offset;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(status.message().find("ends at 5"), std::string::npos) << status.message();
  }
}

TEST_F(PosixFs, DirectoryIsNotAFile) { EXPECT_FALSE(fs_->open(directory_).ok()); }

TEST_F(PosixFs, ReadFileRefusesMoreThanItsLimit) {
  write("x", "12345");
  EXPECT_EQ(read_file(*fs_, at("x"), 4).error().kind, ErrorKind::kResource);
  EXPECT_TRUE(read_file(*fs_, at("x"), 5).ok());
}

TEST_F(PosixFs, AppendContinuesAtTheEnd) {
  write("x", "one ");
  {
    auto file = fs_->open_append(at("x"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->append("two").ok());
    ASSERT_TRUE((*file)->sync().ok());
  }
  EXPECT_EQ(content("x"), "one two");
}

TEST_F(PosixFs, AtomicWriteReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file_atomic(*fs_, at("x"), "old").ok());
  ASSERT_TRUE(write_file_atomic(*fs_, at("x"), "new").ok());
  EXPECT_EQ(content("x"), "new");
  const auto entries = fs_->list(directory_);
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->size(), 1u);
}

TEST_F(PosixFs, FailedAtomicWriteKeepsTheTarget) {
  ASSERT_TRUE(fs_->create_directories(at("d/inside")).ok());
  EXPECT_FALSE(write_file_atomic(*fs_, at("d"), "a file over a full directory").ok());
  EXPECT_TRUE(exists(*fs_, at("d/inside")));
  EXPECT_FALSE(exists(*fs_, at("d.tmp")));
}

TEST_F(PosixFs, MapSeesTheBytesAndAnEmptyFileMapsEmpty) {
  write("x", "mapped");
  write("empty", "");
  const auto mapped = fs_->map(at("x"));
  ASSERT_TRUE(mapped.ok());
  const std::span<const char> bytes = (*mapped)->bytes();
  EXPECT_EQ(std::string_view(bytes.data(), bytes.size()), "mapped");
  const auto empty = fs_->map(at("empty"));
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ((*empty)->bytes().size(), 0u);
}

TEST_F(PosixFs, ListIsSortedAndTellsKinds) {
  write("b", "");
  write("a", "xy");
  ASSERT_TRUE(fs_->create_directories(at("c/d/e")).ok());
  const auto entries = fs_->list(directory_);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[2].name, "c");
  EXPECT_EQ((*entries)[2].kind, FileKind::kDirectory);
  EXPECT_EQ(fs_->stat(at("a"))->bytes, 2u);
  EXPECT_FALSE(fs_->remove(at("c")).ok()) << "the directory is not empty";
  EXPECT_TRUE(remove_tree(*fs_, at("c")).ok());
  EXPECT_FALSE(exists(*fs_, at("c")));
  EXPECT_TRUE(remove_tree(*fs_, at("c")).ok()) << "missing is success";
}

TEST_F(PosixFs, RemoveTreeRemovesLinksAndNotWhatTheyLeadTo) {
  ASSERT_TRUE(fs_->create_directories(at("kept/inside")).ok());
  ASSERT_TRUE(fs_->create_directories(at("tree/sub")).ok());
  write("kept/file", "precious");
  const auto link = [&](const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), at(name).c_str()), 0);
  };
  link(at("kept"), "tree/directory_link");
  link(at("kept/file"), "tree/sub/file_link");
  link(at("absent"), "tree/dangling_link");
  link("..", "tree/sub/loop");
  EXPECT_EQ(fs_->lstat(at("tree/directory_link"))->kind, FileKind::kLink);
  EXPECT_EQ(fs_->stat(at("tree/directory_link"))->kind, FileKind::kDirectory);
  const auto entries = fs_->list(at("tree"));
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].kind, FileKind::kLink) << "dangling_link";
  EXPECT_EQ((*entries)[1].kind, FileKind::kLink) << "directory_link";

  const Status removed = remove_tree(*fs_, at("tree"));
  EXPECT_TRUE(removed.ok()) << removed.message();
  EXPECT_FALSE(exists(*fs_, at("tree")));
  EXPECT_TRUE(exists(*fs_, at("kept/inside")));
  EXPECT_EQ(content("kept/file"), "precious");

  for (const char* end : {"", "/"}) {
    link(at("kept"), "link");
    EXPECT_TRUE(remove_tree(*fs_, at("link") + end).ok());
    EXPECT_EQ(fs_->lstat(at("link")).error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(content("kept/file"), "precious");
  }
}

TEST_F(PosixFs, FullDeviceIsAResourceError) {
  auto file = fs_->open_append("/dev/full");
  if (!file.ok()) GTEST_SKIP() << "no /dev/full here";
  const Status status = (*file)->append("x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
}

TEST_F(PosixFs, FreeSpaceIsKnown) {
  const auto bytes = fs_->free_bytes(directory_);
  ASSERT_TRUE(bytes.ok());
  EXPECT_GT(*bytes, 0u);
}

TEST(Paths, JoinParentAndBaseName) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("a", "/b"), "/b");
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("a/b/"), "a");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(base_name("a/b"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("a/b/"), "b");
}

}  // namespace
}  // namespace tutti
