#include "tensor/available_memory.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/fs.h"

namespace tutti {
namespace {

// A machine made of files.
class AvailableMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tutti_memory_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    file("/proc/meminfo", "MemTotal: 2000 kB\nMemAvailable:   1000 kB\n");
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(*fs_, root_).ok()); }
  void file(const std::string& path, std::string_view text) {
    ASSERT_TRUE(fs_->create_directories(parent_path(root_ + path)).ok());
    ASSERT_TRUE(write_file_atomic(*fs_, root_ + path, text).ok());
  }

  std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
  std::string root_;
};

TEST_F(AvailableMemoryTest, WithoutCgroupsItIsMemAvailable) {
  EXPECT_EQ(available_memory(root_).bytes, 1000u * 1024);
  EXPECT_EQ(available_memory(root_).limit, "MemAvailable");
}

// A soft limit that the process is far from; what it has mapped is a file's word.
TEST_F(AvailableMemoryTest, ALimitOfTheProcessCountsForItAlone) {
  struct rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  constexpr rlim_t kLimit = rlim_t{1} << 45;
  struct rlimit limited = before;
  limited.rlim_cur = std::min(before.rlim_cur, kLimit);
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &limited), 0);
  file("/proc/self/status", fmt::format("VmData: {} kB\n", limited.rlim_cur / 1024 - 700));
  EXPECT_EQ(process_memory(0, root_).bytes, 700u * 1024);
  EXPECT_EQ(process_memory(0, root_).limit, "RLIMIT_DATA");
  EXPECT_EQ(process_memory(100 * 1024, root_).bytes, 600u * 1024);
  EXPECT_EQ(process_memory(701 * 1024, root_).bytes, 0u);
  EXPECT_EQ(available_memory(root_).bytes, 1000u * 1024);
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &before), 0);
}

TEST_F(AvailableMemoryTest, TheTightestGroupAroundTheProcessCounts) {
  file("/proc/self/cgroup", "0::/slice/job\n");
  file("/sys/fs/cgroup/slice/job/memory.max", "max\n");
  file("/sys/fs/cgroup/slice/job/memory.current", "100\n");
  file("/sys/fs/cgroup/slice/memory.max", "50000\n");
  file("/sys/fs/cgroup/slice/memory.current", "30000\n");
  EXPECT_EQ(available_memory(root_).bytes, 20000u);
  EXPECT_NE(available_memory(root_).limit.find("slice/memory.max"), std::string::npos);
  file("/sys/fs/cgroup/slice/memory.stat", "anon 1\ninactive_file 5000\n");
  EXPECT_EQ(available_memory(root_).bytes, 25000u) << "page cache can be dropped";
}

TEST_F(AvailableMemoryTest, ReadsVersion1) {
  file("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/job\n");
  file("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9000\n");
  file("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "4000\n");
  EXPECT_EQ(available_memory(root_).bytes, 5000u);
}

TEST_F(AvailableMemoryTest, UseAboveTheLimitLeavesNothing) {
  file("/proc/self/cgroup", "0::/\n");
  file("/sys/fs/cgroup/memory.max", "10\n");
  file("/sys/fs/cgroup/memory.current", "11\n");
  EXPECT_EQ(available_memory(root_).bytes, 0u);
}

TEST_F(AvailableMemoryTest, ResidentBytesAreThoseOfTheStatus) {
  EXPECT_FALSE(resident_bytes(root_).has_value());
  file("/proc/self/status", "Name:\ttutti\nVmHWM:\t     900 kB\nVmRSS:\t     250 kB\n");
  EXPECT_EQ(resident_bytes(root_), 250 * 1024);
}

TEST(AvailableMemory, ThisProcessHasSome) { EXPECT_GT(resident_bytes().value_or(0), 100 << 10); }

TEST(AvailableMemory, ThisMachineHasSome) {
  EXPECT_GT(available_memory().bytes, 1u << 20);
  EXPECT_LT(available_memory().bytes, UINT64_MAX);
}

}  // namespace
}  // namespace tutti
