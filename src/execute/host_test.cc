#include "execute/host.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tutti {
namespace {

TEST(HostMemory, IsThereAndNoMoreIsAvailableThanInTotal) {
  const HostMemory memory = describe_memory();
  EXPECT_GT(memory.total_bytes, uint64_t{1} << 26);
  EXPECT_GT(memory.available_bytes, 0u);
  EXPECT_LE(memory.available_bytes, memory.total_bytes);
}

TEST(HostMemory, ReadsWhichHugePagesAreInForce) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) / "tutti_host_memory_test";
  const std::filesystem::path directory = root / "sys/kernel/mm/transparent_hugepage";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "enabled") << "always [madvise] never\n";
  EXPECT_EQ(describe_memory(root.string()).transparent_huge_pages, "madvise");
  std::ofstream(directory / "enabled") << "]odd[\n";
  EXPECT_EQ(describe_memory(root.string()).transparent_huge_pages, "unknown");
  std::filesystem::remove_all(root);
  EXPECT_EQ(describe_memory(root.string()).transparent_huge_pages, "unknown");
}

}  // namespace
}  // namespace tutti
