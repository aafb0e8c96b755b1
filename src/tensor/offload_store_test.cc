#include "tensor/offload_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tutti {
namespace {

void expect_keeps_what_is_written(OffloadStore& store, int64_t bytes) {
  std::vector<char> all(static_cast<size_t>(bytes), 'x');
  ASSERT_TRUE(store.read(0, all).ok());
  EXPECT_EQ(all, std::vector<char>(all.size(), '\0')) << "a store begins as zeros";
  const std::string text = "twelve bytes";
  ASSERT_TRUE(store.write(bytes - 12, std::span(text.data(), text.size())).ok());
  std::string back(12, ' ');
  ASSERT_TRUE(store.read(bytes - 12, std::span(back.data(), back.size())).ok());
  EXPECT_EQ(back, text);
  ASSERT_TRUE(store.read(0, all).ok());
  EXPECT_EQ(std::string(all.end() - 12, all.end()), text);
  EXPECT_EQ(all[static_cast<size_t>(bytes) - 13], '\0');
}

TEST(OffloadStore, KeepsWhatIsWritten) {
  const auto host = make_host_store(100000);
  ASSERT_TRUE(host.ok()) << host.message();
  expect_keeps_what_is_written(**host, 100000);
  const auto file = make_file_store(TUTTI_SOURCE_DIR, 100000);
  ASSERT_TRUE(file.ok()) << file.message();
  expect_keeps_what_is_written(**file, 100000);
}

TEST(OffloadStore, LeavesNoFile) {
  const auto directory = std::filesystem::current_path() / "offload_store_test.dir";
  std::filesystem::create_directories(directory);
  const auto store = make_file_store(directory, 4096);
  ASSERT_TRUE(store.ok()) << store.message();
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove(directory);
}

TEST(OffloadStore, RefusesMemoryAndFullDisks) {
  const auto absent = make_file_store("/absent/directory", 1);
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.message().find("/absent/directory"), std::string::npos) << absent.message();
  const auto large = make_file_store(TUTTI_SOURCE_DIR, int64_t{1} << 60);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind, ErrorKind::kResource) << large.message();
  if (!std::filesystem::exists("/dev/shm")) GTEST_SKIP() << "no tmpfs";
  const auto memory = make_file_store("/dev/shm", 4096);
  ASSERT_FALSE(memory.ok());
  EXPECT_EQ(memory.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(memory.message().find("tmpfs"), std::string::npos) << memory.message();
}

TEST(OffloadStore, AnErrorNamesWhereAndWhat) {
  const auto store = make_file_store(TUTTI_SOURCE_DIR, 4096);
  ASSERT_TRUE(store.ok()) << store.message();
  std::vector<char> out(8);
  const Status past = (*store)->read(4096, out);
  ASSERT_FALSE(past.ok());
  EXPECT_NE(past.message().find("8 bytes of offloaded values at 4096"), std::string::npos)
      << past.message();
}

}  // namespace
}  // namespace tutti
