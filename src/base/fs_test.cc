#include "base/fs.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

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

TEST_F(PosixFs, TruncateCutsAndAppendGoesOnFromThere) {
  write("x", "0123456789");
  ASSERT_TRUE(fs_->truncate(at("x"), 4).ok());
  auto file = fs_->open_append(at("x"));
  ASSERT_TRUE(file.ok()) << file.message();
  ASSERT_TRUE((*file)->append("ab").ok());
  ASSERT_TRUE((*file)->close().ok());
  EXPECT_EQ(content("x"), "0123ab");
  EXPECT_EQ(fs_->truncate(at("absent"), 0).error().kind, ErrorKind::kNotFound);
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
  EXPECT_TRUE(exists(*fs_, fs_->read_link(at("tree/directory_link")).value()));
  EXPECT_FALSE(fs_->read_link(at("tree")).ok());
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

TEST_F(PosixFs, ALockIsHeldByOneAndNamesItsHolder) {
  auto first = fs_->lock(at("lock"), "me");
  ASSERT_TRUE(first.ok()) << first.message();
  // Not even this process gets it twice.
  const auto second = fs_->lock(at("lock"), "another");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kResource);
  EXPECT_EQ(second.message(), at("lock") + " is held by me");
  first->reset();
  EXPECT_FALSE(exists(*fs_, at("lock")));
  EXPECT_TRUE(fs_->lock(at("lock"), "another").ok());
  EXPECT_EQ(fs_->lock(at("absent/lock"), "me").error().kind, ErrorKind::kNotFound);
}

TEST_F(PosixFs, ALockEndsWithAKilledProcessAndItsFileIsTakenOver) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = lock_directory(*fs_, directory_);
    const char taken = lock.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &taken, 1);
    ::pause();
    ::_exit(0);
  }
  char taken = 0;
  ASSERT_EQ(::read(ready[0], &taken, 1), 1);
  ASSERT_EQ(taken, 'y');
  const auto refused = lock_directory(*fs_, directory_);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find(fmt::format("is held by process {} on ", child)),
            std::string::npos)
      << refused.message();
  EXPECT_NE(refused.message().find(directory_ + " is in use: "), std::string::npos);
  EXPECT_TRUE(exists(*fs_, at("lock")));
  EXPECT_TRUE(lock_directory(*fs_, directory_).ok());
  EXPECT_FALSE(exists(*fs_, at("lock")));
}

TEST_F(PosixFs, ALockWhoseFileWasRemovedLeavesThatOfTheNextHolder) {
  auto first = fs_->lock(at("lock"), "me");
  ASSERT_TRUE(first.ok()) << first.message();
  ASSERT_TRUE(fs_->remove(at("lock")).ok());  // by a user who took it for a leftover
  const auto second = fs_->lock(at("lock"), "another");
  ASSERT_TRUE(second.ok()) << second.message();
  first->reset();
  EXPECT_EQ(content("lock"), "another");
  EXPECT_FALSE(fs_->lock(at("lock"), "a third").ok());
}

TEST_F(PosixFs, OneOfManyThreadsHoldsALockAtATime) {
  std::atomic<int> holders = 0, most = 0, taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto lock = fs_->lock(at("lock"), "one of them");
        if (!lock.ok()) continue;
        const int now = ++holders;
        if (now > most) most = now;
        ++taken;
        std::this_thread::yield();  // so that another would be seen
        --holders;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(taken, 0);
  EXPECT_FALSE(exists(*fs_, at("lock")));
}

TEST_F(PosixFs, APipeIsNoEmptyFile) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  const auto file = fs_->open(at("pipe"));  // and it is not waited for
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.message().find("pipe: is a pipe or a device"), std::string::npos)
      << file.message();
  EXPECT_FALSE(fs_->map("/dev/null").ok());
}

TEST_F(PosixFs, AnAtomicWriteReplacesFilesOnly) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  ASSERT_TRUE(fs_->create_directories(at("directory")).ok());
  for (const char* name : {"pipe", "directory"}) {
    const Status status = write_file_atomic(*fs_, at(name), "x");
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find(at(name) + ": is "), std::string::npos) << status.message();
    EXPECT_NE(fs_->stat(at(name))->kind, FileKind::kFile);
    EXPECT_FALSE(exists(*fs_, at(name) + ".tmp"));
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
