#include "program/scratch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "program/program.h"

namespace tutti {
namespace {

TEST(Scratch, StoragesThatLiveTogetherDoNotOverlap) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<ScratchItem> items;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(random() % 40);
      items.push_back({first, first + static_cast<int>(random() % 10),
                       static_cast<int64_t>(random() % 5000), 0});
    }
    const int64_t total = assign_scratch(items);
    for (size_t a = 0; a < items.size(); ++a) {
      EXPECT_LE(items[a].offset + items[a].bytes, total);
      EXPECT_EQ(items[a].offset % kBufferAlignment, 0);
      for (size_t b = 0; b < a; ++b) {
        const bool together = items[a].first <= items[b].last && items[b].first <= items[a].last;
        const bool apart = items[a].offset + items[a].bytes <= items[b].offset ||
                           items[b].offset + items[b].bytes <= items[a].offset;
        EXPECT_TRUE(!together || apart || items[a].bytes == 0 || items[b].bytes == 0);
      }
    }
  }
}

TEST(Scratch, StoragesThatFollowEachOtherShareMemory) {
  std::vector<ScratchItem> items = {{0, 1, 640, 0}, {2, 3, 640, 0}, {4, 5, 640, 0}};
  EXPECT_EQ(assign_scratch(items), 640);
}

}  // namespace
}  // namespace tutti
