#include "collective/seq_order.h"

#include <gtest/gtest.h>

#include <set>

namespace tutti {
namespace {

TEST(SeqOrder, OnePartLiesInNaturalOrder) {
  EXPECT_EQ(seq_chunks(10, 1, 3, 4), (std::vector<SeqChunk>{{3, 3, 4}}));
}

TEST(SeqOrder, ARankHoldsAChunkFromEachEnd) {
  // 16 positions, 2 parts, chunks of 4: rank 0 holds chunks 0 and 3, rank 1 holds 1 and 2.
  EXPECT_EQ(seq_chunks(16, 2, 0, 8), (std::vector<SeqChunk>{{0, 0, 4}, {4, 12, 4}}));
  EXPECT_EQ(seq_chunks(16, 2, 8, 8), (std::vector<SeqChunk>{{8, 4, 4}, {12, 8, 4}}));
}

TEST(SeqOrder, ARangeWithinChunksKeepsItsLogicalStart) {
  EXPECT_EQ(seq_chunks(16, 2, 5, 5), (std::vector<SeqChunk>{{5, 13, 3}, {8, 4, 2}}));
  EXPECT_EQ(seq_chunk_at(16, 2, 5, 10), (SeqChunk{5, 13, 3}));
  EXPECT_EQ(seq_chunk_at(16, 2, 5, 7), (SeqChunk{5, 13, 2}));
}

TEST(SeqOrder, EveryPositionLiesOnceAndCausalWorkIsEqual) {
  for (int64_t parts : {2, 3, 8}) {
    const int64_t total = 12 * parts, local = total / parts;
    std::set<int64_t> seen;
    std::set<int64_t> work;
    for (int64_t rank = 0; rank < parts; ++rank) {
      int64_t keys = 0;
      for (const SeqChunk& chunk : seq_chunks(total, parts, rank * local, local)) {
        for (int64_t i = 0; i < chunk.size; ++i) {
          EXPECT_TRUE(seen.insert(chunk.logical + i).second);
          keys += chunk.logical + i + 1;
        }
      }
      work.insert(keys);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), total);
    EXPECT_EQ(work.size(), 1u);
  }
}

}  // namespace
}  // namespace tutti
