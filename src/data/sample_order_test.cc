#include "data/sample_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/test_file_system.h"
#include "data/indexed_dataset.h"
#include "data/test_corpus.h"
#include "data/token_dataset.h"

namespace tutti {
namespace {

std::vector<int64_t> epoch_of(const SampleOrder& order, int64_t epoch) {
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < order.samples(); ++i) {
    samples.push_back(order.sample(epoch * order.samples() + i));
  }
  return samples;
}

TEST(SampleOrder, EachEpochTakesEverySampleOnce) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::vector<int64_t> sizes;
  for (int64_t n = 1; n <= 70; ++n) sizes.push_back(n);
  for (const int64_t n : {255, 256, 257, 1023, 1024, 1025, 4096, 4097, 20000})
    sizes.push_back(n);
  for (const int64_t n : sizes) {
    if (kSanitized && n > 2000) continue;
    const SampleOrder order(seed, n);
    for (const int64_t epoch : {0, 1, 7}) {
      std::vector<int64_t> samples = epoch_of(order, epoch);
      std::sort(samples.begin(), samples.end());
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(samples[i], i) << "n = " << n;
    }
  }
}

TEST(SampleOrder, SeedsAndEpochsDiffer) {
  std::set<std::vector<int64_t>> orders;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (const int64_t epoch : {0, 1}) orders.insert(epoch_of(SampleOrder(seed, 100), epoch));
  }
  EXPECT_EQ(orders.size(), 20u);
}

TEST(SampleOrder, FirstDrawsAreUniform) {
  constexpr int kSamples = 10, kSeeds = 5000;
  std::vector<int> counts(kSamples);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) ++counts[SampleOrder(seed, kSamples).sample(0)];
  double chi_square = 0;
  for (const int count : counts) {
    const double off = count - kSeeds / kSamples;
    chi_square += off * off / (kSeeds / kSamples);
  }
  EXPECT_LT(chi_square, 40);  // 9 degrees of freedom: p < 1e-5
}

TEST(SampleOrder, TheEpochTurnsAfterTheLastSample) {
  const SampleOrder order(3, 10);
  EXPECT_EQ(order.epoch(9), 0);
  EXPECT_EQ(order.epoch(10), 1);
  EXPECT_NE(epoch_of(order, 0), epoch_of(order, 1));
  const SampleOrder in_order(3, 10, false);
  EXPECT_EQ(in_order.sample(9), 9);
  EXPECT_EQ(in_order.sample(10), 0);
}

TEST(SampleOrder, StaysInRangeForPetabytes) {
  const int64_t samples = int64_t{1} << 61;
  const SampleOrder order(1, samples);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 1000; ++i) seen.insert(order.sample(samples - 500 + i));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_LT(*seen.rbegin(), samples);
}

// The order is part of what a checkpoint relies on: it must never change.
TEST(SampleOrder, IsTheSameInEveryVersion) {
  EXPECT_EQ(epoch_of(SampleOrder(1234, 10), 0),
            (std::vector<int64_t>{8, 0, 5, 6, 2, 3, 7, 1, 9, 4}));
}

Result<TokenDataset> dataset_of(FileSystem& fs, int32_t tokens, int64_t seq_len) {
  TUTTI_ASSIGN(auto writer, IndexedDatasetWriter::create(fs, "/d", TokenType::kUint16));
  for (int32_t token = 0; token < tokens; ++token) {
    TUTTI_TRY(writer->append(std::span(&token, 1)));
    if (token % 3 == 2) TUTTI_TRY(writer->end_document());
  }
  TUTTI_TRY(writer->end_document());
  TUTTI_TRY(writer->finish());
  return TokenDataset::open(fs, "/d", seq_len, 1000);
}

TEST(TokenDataset, LabelsAreTokensOneLater) {
  TestFileSystem fs;
  const auto dataset = dataset_of(fs, 10, 4);
  ASSERT_TRUE(dataset.ok()) << dataset.message();
  EXPECT_EQ(dataset->samples(), 2);
  std::vector<int32_t> tokens(4), labels(4), positions(4);
  dataset->fill(1, tokens, labels, positions);
  EXPECT_EQ(tokens, (std::vector<int32_t>{4, 5, 6, 7}));
  EXPECT_EQ(labels, (std::vector<int32_t>{5, 6, 7, 8}));
  EXPECT_EQ(positions, (std::vector<int32_t>{0, 1, 2, 3}));
}

TEST(TokenDataset, ASampleNeedsOneTokenMore) {
  TestFileSystem fs;
  EXPECT_EQ(dataset_of(fs, 9, 4)->samples(), 2);
  EXPECT_EQ(dataset_of(fs, 8, 4)->samples(), 1);
  const auto short_one = dataset_of(fs, 4, 4);
  ASSERT_FALSE(short_one.ok());
  EXPECT_NE(short_one.message().find("4 tokens are less than one sample of seq_len 4 + 1"),
            std::string::npos)
      << short_one.message();
}

}  // namespace
}  // namespace tutti
