#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace tutti {
namespace {

TEST(Arena, IsAlignedZeroAndOfTheRequestedSize) {
  for (const uint64_t bytes : {1ull, 4096ull, 5000ull, (2ull << 20) + 1}) {
    const auto arena = Arena::create(bytes);
    ASSERT_TRUE(arena.ok()) << arena.message();
    EXPECT_EQ(arena->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->data()) % (2 << 20), 0u);
    EXPECT_TRUE(std::all_of(arena->data(), arena->data() + bytes, [](char c) { return c == 0; }));
    arena->data()[bytes - 1] = 1;
  }
}

TEST(Arena, FirstTouchKeepsTheContent) {
  const auto arena = Arena::create(3 * 4096 + 10);
  ASSERT_TRUE(arena.ok());
  arena->data()[4096] = 'x';
  arena->data()[3 * 4096 + 9] = 'y';
  for (const int threads : {0, 1, 3}) arena->first_touch(threads);
  EXPECT_EQ(arena->data()[4096], 'x');
  EXPECT_EQ(arena->data()[3 * 4096 + 9], 'y');
}

// The line of /proc/self/smaps that begins with `field`, of the mapping that holds `address`.
std::string mapping_field(const void* address, const std::string& field) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &begin, &end) == 2) {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.starts_with(field)) {
      return line.substr(field.size());
    }
  }
  return "";
}

TEST(Arena, AsksForHugePages) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this kernel has no huge pages to ask for";
  }
  const auto arena = Arena::create(4 << 20);
  ASSERT_TRUE(arena.ok());
  arena->first_touch(1);
  EXPECT_NE(mapping_field(arena->data(), "VmFlags:").find(" hg"), std::string::npos);
  // Whether they are given depends on how fragmented memory is; it is written down, not demanded.
  RecordProperty("anonymous_huge_pages", mapping_field(arena->data(), "AnonHugePages:"));
}

TEST(Arena, RefusesMoreThanThereIsBeforeTakingIt) {
  for (const uint64_t bytes : {uint64_t{1} << 46, uint64_t{1} << 50, ~uint64_t{0}}) {
    const auto arena = Arena::create(bytes);
    ASSERT_FALSE(arena.ok());
    EXPECT_EQ(arena.error().kind, ErrorKind::kResource);
  }
  EXPECT_NE(Arena::create(uint64_t{1} << 46).message().find("64.00 TiB"), std::string::npos);
}

TEST(Arena, MovesItsMemory) {
  auto first = Arena::create(100);
  ASSERT_TRUE(first.ok());
  char* const data = first->data();
  Arena second = std::move(first).value();
  EXPECT_EQ(second.data(), data);
  Arena third;
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.bytes(), 100u);
}

TEST(Arena, EmptyIsFine) {
  const auto arena = Arena::create(0);
  ASSERT_TRUE(arena.ok());
  EXPECT_EQ(arena->data(), nullptr);
  arena->first_touch(2);
}

}  // namespace
}  // namespace tutti
