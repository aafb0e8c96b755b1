#include "data/dataset_summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/test_file_system.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

TokenArray array_of(FileSystem& fs, const std::vector<int32_t>& ids) {
  std::string bytes;
  append_tokens(ids, TokenType::kUint16, bytes);
  write_text(fs, "/a.bin", bytes);
  return std::move(*open_token_file(fs, "/a.bin"));
}

TEST(DatasetSummary, CountsTokens) {
  TestFileSystem fs;
  const TokenCounts counts = count_tokens(array_of(fs, {1, 1, 2, 9}));
  EXPECT_EQ(counts.tokens, 4);
  EXPECT_EQ(counts.token_max, 9);
  EXPECT_NEAR(counts.entropy_nats, 1.5 * std::log(2.0), 1e-12);
}

TEST(DatasetSummary, LengthsFallIntoBuckets) {
  const LengthHistogram lengths = document_lengths(std::vector<int64_t>{0, 1, 4, 8, 16});
  EXPECT_EQ(lengths.documents, 5);
  EXPECT_EQ(lengths.shortest, 0);
  EXPECT_EQ(lengths.longest, 8);
  EXPECT_DOUBLE_EQ(lengths.mean, 3.2);
  EXPECT_EQ(lengths.buckets[0], 2);  // 0 and 1
  EXPECT_EQ(lengths.buckets[1], 1);  // 3
  EXPECT_EQ(lengths.buckets[2], 1);  // 4
  EXPECT_EQ(lengths.buckets[3], 1);  // 8
  EXPECT_EQ(document_lengths({}).documents, 0);
}

TEST(DatasetSummary, FindsExactDuplicatesInAnyNumberOfPasses) {
  std::mt19937 random(test_seed());
  std::vector<int32_t> ids;
  std::vector<int64_t> ends;
  std::map<std::vector<int32_t>, int> seen;
  Duplicates expected;
  for (int d = 0; d < 500; ++d) {
    std::vector<int32_t> document;
    for (unsigned i = 0; i < 1 + random() % 3; ++i) document.push_back(random() % 6);
    if (seen[document]++ > 0) {
      ++expected.documents;
      expected.tokens += static_cast<int64_t>(document.size());
    }
    ids.insert(ids.end(), document.begin(), document.end());
    ends.push_back(static_cast<int64_t>(ids.size()));
  }
  TestFileSystem fs;
  const TokenArray tokens = array_of(fs, ids);
  for (const size_t digests_max : {1000, 500, 100, 7, 1}) {
    const Duplicates duplicates = find_duplicates(tokens, ends, digests_max);
    EXPECT_EQ(duplicates.documents, expected.documents) << digests_max;
    EXPECT_EQ(duplicates.tokens, expected.tokens) << digests_max;
  }
}

}  // namespace
}  // namespace tutti
