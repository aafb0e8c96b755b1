// Documents within samples: masks, segments and packing. Streams are in sample_order_test.cc.
#include "data/token_dataset.h"

#include <gtest/gtest.h>

#include <set>

#include "base/test_file_system.h"
#include "data/indexed_dataset.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

using Ids = std::vector<int32_t>;

// Documents of tokens that are all different: document d is 100 d, 100 d + 1, …
void write_lengths(FileSystem& fs, const std::vector<int32_t>& lengths,
                   const std::string& mask = "") {
  auto writer = std::move(
      *IndexedDatasetWriter::create(fs, "/d", {.type = TokenType::kInt32, .mask = !mask.empty()}));
  size_t at = 0;
  for (size_t d = 0; d < lengths.size(); ++d) {
    for (int32_t i = 0; i < lengths[d]; ++i, ++at) {
      std::string packed;
      append_tokens(Ids{static_cast<int32_t>(100 * d) + i}, TokenType::kInt32, packed);
      const std::string byte = mask.empty() ? "" : std::string(1, mask[at] == '1' ? '\1' : '\0');
      ASSERT_TRUE(writer->append_packed(packed, byte).ok());
    }
    ASSERT_TRUE(writer->end_document().ok());
  }
  ASSERT_TRUE(writer->finish().ok());
}

struct Row {
  Ids tokens, labels, positions, segments;
};

Row row_of(const TokenDataset& dataset, int64_t sample) {
  const auto length = static_cast<size_t>(dataset.seq_len());
  Row row = {Ids(length), Ids(length), Ids(length), Ids(length)};
  dataset.fill(sample, row.tokens, row.labels, row.positions, row.segments);
  return row;
}

TokenDataset open(FileSystem& fs, const SampleOptions& options) {
  auto dataset = TokenDataset::open(fs, "/d", options, 1 << 20);
  EXPECT_TRUE(dataset.ok()) << dataset.message();
  return std::move(*dataset);
}

TEST(DocumentMask, KeepsTheDocumentsOfAStreamApart) {
  TestFileSystem fs;
  write_lengths(fs, {3, 0, 2, 6});
  const TokenDataset dataset = open(fs, {.seq_len = 5, .document_mask = true});
  ASSERT_EQ(dataset.samples(), 2);
  const Row first = row_of(dataset, 0), second = row_of(dataset, 1);
  EXPECT_EQ(first.tokens, (Ids{0, 1, 2, 200, 201}));
  EXPECT_EQ(first.labels, (Ids{1, 2, -1, 201, -1}));
  EXPECT_EQ(first.positions, (Ids{0, 1, 2, 0, 1}));
  EXPECT_EQ(first.segments, (Ids{0, 0, 0, 1, 1}));
  EXPECT_EQ(second.tokens, (Ids{300, 301, 302, 303, 304}));
  EXPECT_EQ(second.labels, (Ids{301, 302, 303, 304, 305}));
  EXPECT_EQ(second.positions, (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(second.segments, (Ids{0, 0, 0, 0, 0}));
}

TEST(DocumentMask, WithoutItAStreamIsOneSegment) {
  TestFileSystem fs;
  write_lengths(fs, {3, 2, 6});
  const Row row = row_of(open(fs, {.seq_len = 5}), 0);
  EXPECT_EQ(row.labels, (Ids{1, 2, 100, 101, 200}));
  EXPECT_EQ(row.positions, (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(row.segments, (Ids{0, 0, 0, 0, 0}));
}

TEST(DocumentMask, FindsTheDocumentsOfABareFileByTheirEnd) {
  TestFileSystem fs;
  std::string bytes;
  append_tokens(Ids{5, 6, 0, 7, 0, 8, 9, 10}, TokenType::kUint16, bytes);
  write_text(fs, "/nano.bin", bytes);
  SampleOptions options = {.seq_len = 7, .document_mask = true};
  const auto refused = TokenDataset::open(fs, "/nano.bin", options, 100);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find("tokenizer.path"), std::string::npos) << refused.message();
  options.end_of_text = 0;
  const auto dataset = TokenDataset::open(fs, "/nano.bin", options, 100);
  ASSERT_TRUE(dataset.ok()) << dataset.message();
  const Row row = row_of(*dataset, 0);
  EXPECT_EQ(row.labels, (Ids{6, 0, -1, 0, -1, 9, 10}));
  EXPECT_EQ(row.positions, (Ids{0, 1, 2, 0, 1, 0, 1}));
  EXPECT_EQ(row.segments, (Ids{0, 0, 0, 1, 1, 2, 2}));
}

TEST(LossMask, LabelsThatItLeavesOutAreIgnored) {
  TestFileSystem fs;
  write_lengths(fs, {4, 3}, "0011001");
  const Row row = row_of(open(fs, {.seq_len = 6}), 0);
  EXPECT_EQ(row.tokens, (Ids{0, 1, 2, 3, 100, 101}));
  EXPECT_EQ(row.labels, (Ids{-1, 2, 3, -1, -1, 102}));
}

TEST(Packing, PutsWholeDocumentsIntoSamples) {
  TestFileSystem fs;
  write_lengths(fs, {3, 1, 4, 12, 2});
  const TokenDataset dataset =
      open(fs, {.seq_len = 5, .packing = Packing::kDocuments, .document_mask = true});
  ASSERT_EQ(dataset.samples(), 4);
  const Row rows[] = {row_of(dataset, 0), row_of(dataset, 1), row_of(dataset, 2),
                      row_of(dataset, 3)};
  EXPECT_EQ(rows[0].tokens, (Ids{0, 1, 200, 201, 202}));
  EXPECT_EQ(rows[0].labels, (Ids{1, 2, 201, 202, 203}));
  EXPECT_EQ(rows[0].positions, (Ids{0, 1, 0, 1, 2}));
  EXPECT_EQ(rows[0].segments, (Ids{0, 0, 1, 1, 1}));
  EXPECT_EQ(rows[1].tokens, (Ids{300, 301, 302, 303, 304}));
  EXPECT_EQ(rows[2].tokens, (Ids{305, 306, 307, 308, 309}));
  EXPECT_EQ(rows[3].tokens, (Ids{310, 400, 0, 0, 0}));
  EXPECT_EQ(rows[3].labels, (Ids{311, 401, -1, -1, -1}));
  EXPECT_EQ(rows[3].segments, (Ids{0, 1, 2, 2, 2}));
}

TEST(Packing, PaddedHasOneDocumentASample) {
  TestFileSystem fs;
  write_lengths(fs, {3, 4}, "0010011");
  const TokenDataset dataset = open(fs, {.seq_len = 5, .packing = Packing::kPadded});
  ASSERT_EQ(dataset.samples(), 2);
  const Row first = row_of(dataset, 0), second = row_of(dataset, 1);
  EXPECT_EQ(first.tokens, (Ids{0, 1, 0, 0, 0}));
  EXPECT_EQ(first.labels, (Ids{-1, 2, -1, -1, -1}));
  EXPECT_EQ(first.positions, (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(second.labels, (Ids{-1, 102, 103, -1, -1}));
}

TEST(Packing, NoDocumentToLearnFromIsAnError) {
  TestFileSystem fs;
  write_lengths(fs, {1, 1, 0});
  const auto dataset =
      TokenDataset::open(fs, "/d", {.seq_len = 5, .packing = Packing::kPadded}, 1000);
  ASSERT_FALSE(dataset.ok());
  EXPECT_NE(dataset.message().find("no document of two tokens"), std::string::npos);
}

// Whatever the lengths: every token but the first of each document is a label exactly once, and no
// document that fits into a sample is cut.
TEST(Packing, LosesNothing) {
  std::mt19937 random(test_seed());
  for (int round = 0; round < 20; ++round) {
    std::vector<int32_t> lengths;
    int64_t expected = 0;
    for (int i = 0; i < 40; ++i) {
      lengths.push_back(static_cast<int32_t>(random() % 20));
      expected += std::max(0, lengths.back() - 1);
    }
    TestFileSystem fs;
    write_lengths(fs, lengths);
    for (const Packing packing : {Packing::kDocuments, Packing::kPadded}) {
      const TokenDataset dataset = open(fs, {.seq_len = 9, .packing = packing});
      std::set<int32_t> labels;
      int64_t count = 0;
      for (int64_t i = 0; i < dataset.samples(); ++i) {
        const Row row = row_of(dataset, i);
        for (size_t j = 0; j < row.labels.size(); ++j) {
          if (row.labels[j] < 0) continue;
          EXPECT_EQ(row.labels[j], row.tokens[j] + 1);
          labels.insert(row.labels[j]);
          ++count;
        }
        const int32_t document = row.tokens[0] / 100;
        if (lengths[document] <= 10) {
          EXPECT_EQ(row.tokens[0] % 100, 0);
        }
      }
      EXPECT_EQ(count, expected);
      EXPECT_EQ(static_cast<int64_t>(labels.size()), expected);
    }
  }
}

}  // namespace
}  // namespace tutti
