#include "serve/prompt_pieces.h"

#include <gtest/gtest.h>

#include <vector>

namespace tutti {
namespace {

const std::vector<int64_t> kSizes = {1, 16, 64, 256, 512, 1024};

std::vector<int64_t> pieces(const std::vector<int64_t>& sizes, int64_t tokens, int64_t room) {
  std::vector<int64_t> result;
  while (tokens > 0) {
    const int64_t size = sizes[choose_piece(sizes, tokens, room)];
    EXPECT_LE(size, room);
    const int64_t read = std::min(size, tokens);
    result.push_back(size);
    tokens -= read;
    room -= read;
  }
  return result;
}

using Pieces = std::vector<int64_t>;

TEST(PromptPieces, PadsWhereThatIsCheaperThanAnotherCall) {
  const int64_t room = 8192;
  EXPECT_EQ(pieces(kSizes, 1, room), Pieces{1});
  EXPECT_EQ(pieces(kSizes, 2, room), Pieces{16});
  EXPECT_EQ(pieces(kSizes, 16, room), Pieces{16});
  EXPECT_EQ(pieces(kSizes, 17, room), (Pieces{16, 1}));
  EXPECT_EQ(pieces(kSizes, 40, room), Pieces{64});
  EXPECT_EQ(pieces(kSizes, 250, room), Pieces{256});
  EXPECT_EQ(pieces(kSizes, 300, room), (Pieces{256, 64}));
  EXPECT_EQ(pieces(kSizes, 500, room), Pieces{512});
  EXPECT_EQ(pieces(kSizes, 512, room), Pieces{512});
  EXPECT_EQ(pieces(kSizes, 513, room), (Pieces{512, 1}));
  EXPECT_EQ(pieces(kSizes, 2500, room), (Pieces{1024, 1024, 512}));
}

TEST(PromptPieces, DoesNotPadPastTheCache) {
  EXPECT_EQ(pieces(kSizes, 15, 15), Pieces(15, 1));
  EXPECT_EQ(pieces(kSizes, 67, 70), (Pieces{64, 1, 1, 1}));
  EXPECT_EQ(pieces(kSizes, 63, 64), Pieces{64});
  EXPECT_EQ(pieces({1}, 3, 3), Pieces(3, 1));
}

TEST(PromptPieces, ReadsEveryTokenOfAnyPromptInFewCalls) {
  for (int64_t tokens = 1; tokens <= 3000; ++tokens) {
    const Pieces sizes = pieces(kSizes, tokens, 4096);
    int64_t total = 0;
    for (const int64_t size : sizes) total += size;
    EXPECT_GE(total, tokens);
    EXPECT_LE(total, tokens + tokens / 2 + 16) << tokens;
    EXPECT_LE(sizes.size(), static_cast<size_t>(tokens / 1024 + 6)) << tokens;
  }
}

}  // namespace
}  // namespace tutti
