#include "data/mixture_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/test_file_system.h"
#include "data/test_corpus.h"
#include "data/training_samples.h"

namespace tutti {
namespace {

// After each draw every set has been drawn within one sample of its share, and its own draws count
// up.
void expect_exact(const MixtureOrder& mixture, int64_t from, int64_t draws) {
  const auto shares = mixture.shares();
  std::vector<int64_t> drawn;
  for (size_t i = 0; i < shares.size(); ++i) {
    drawn.push_back(mixture.drawn(static_cast<int32_t>(i), from));
  }
  for (int64_t n = from; n < from + draws; ++n) {
    const MixtureOrder::Draw draw = mixture.draw(n);
    ASSERT_EQ(draw.index, drawn[draw.set]) << n;
    ++drawn[draw.set];
    for (size_t i = 0; i < shares.size(); ++i) {
      // |drawn - (n + 1) share / block| < 1, in integers.
      const int64_t off = drawn[i] * mixture.block() - (n + 1) * shares[i];
      ASSERT_LT(std::abs(off), mixture.block()) << "set " << i << " after " << n + 1 << " draws";
    }
  }
}

TEST(MixtureOrder, AMillionDrawsAreExactAtEveryPrefix) {
  const std::vector<double> weights[] = {
      {0.7, 0.2, 0.1}, {1, 1, 1}, {0.615, 0.3, 0.05, 0.035}, {0.333333, 0.666667}, {5}};
  for (const auto& each : weights) {
    const auto mixture = MixtureOrder::create(each);
    ASSERT_TRUE(mixture.ok()) << mixture.message();
    expect_exact(*mixture, 0, kSanitized ? 20000 : 1000000);
    const double sum = std::accumulate(each.begin(), each.end(), 0.0);
    for (size_t i = 0; i < each.size(); ++i) {
      EXPECT_DOUBLE_EQ(static_cast<double>(mixture->shares()[i]) / mixture->block(), each[i] / sum);
    }
  }
}

TEST(MixtureOrder, RandomWeightsAreExactAtEveryPrefixFromAnywhere) {
  std::mt19937 random(test_seed());
  for (int round = 0; round < 30; ++round) {
    std::vector<double> weights;
    const int sets = 1 + static_cast<int>(random() % 12);
    for (int i = 0; i < sets; ++i) weights.push_back(1 + random() % (round % 3 == 0 ? 5 : 500));
    const auto mixture = MixtureOrder::create(weights);
    ASSERT_TRUE(mixture.ok());
    expect_exact(*mixture, random() % 100000, 3000);
  }
}

TEST(MixtureOrder, WeightsWithoutACommonMeasureAreRoundedToTheBlock) {
  const auto mixture = MixtureOrder::create(std::vector<double>{M_PI, 1, 1e-9});
  ASSERT_TRUE(mixture.ok());
  EXPECT_EQ(mixture->block(), MixtureOrder::kBlockMax);
  EXPECT_NEAR(static_cast<double>(mixture->shares()[0]) / mixture->block(), M_PI / (M_PI + 1),
              2e-6);
  EXPECT_EQ(mixture->shares()[2], 1);
  expect_exact(*mixture, kSanitized ? MixtureOrder::kBlockMax - 9000 : 0,
               kSanitized ? 10000 : MixtureOrder::kBlockMax + 1000);
}

// Of a set that is rare, too: the search must not walk to its next turn.
TEST(MixtureOrder, CountsTheDrawsOfASetAnywhere) {
  const auto mixture = MixtureOrder::create(std::vector<double>{M_PI, 1, 1e-9});
  ASSERT_TRUE(mixture.ok());
  std::vector<int64_t> drawn(3);
  for (int64_t n = 0; n < (kSanitized ? 20000 : mixture->block() + 1000); ++n) {
    for (int32_t set = 0; set < 3; ++set) ASSERT_EQ(mixture->drawn(set, n), drawn[set]) << n;
    ++drawn[mixture->draw(n).set];
  }
}

TEST(MixtureOrder, WeightsThatAreNoneAreErrors) {
  EXPECT_FALSE(MixtureOrder::create({}).ok());
  for (const double weight : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    const auto mixture = MixtureOrder::create(std::vector<double>{1, weight});
    ASSERT_FALSE(mixture.ok());
    EXPECT_NE(mixture.message().find("set 1"), std::string::npos) << mixture.message();
  }
}

// The order is part of what a checkpoint relies on: it must never change.
TEST(MixtureOrder, IsTheSameInEveryVersion) {
  const auto mixture = MixtureOrder::create(std::vector<double>{0.5, 0.3, 0.2});
  std::string sets;
  for (int64_t n = 0; n < 20; ++n) sets += std::to_string(mixture->draw(n).set);
  EXPECT_EQ(sets, "01020101020102010102");
}

TEST(TrainingSamples, EachSetHasItsEpochsAndIsReadWhole) {
  TestFileSystem fs;
  std::vector<WeightedSet> sets;
  const int64_t sizes[] = {30, 7, 11};  // samples
  const double weights[] = {2, 1, 1};
  for (int s = 0; s < 3; ++s) {
    std::string bytes;
    for (int64_t i = 0; i <= sizes[s]; ++i) {
      append_tokens(std::vector<int32_t>{static_cast<int32_t>(1000 * s + i)}, TokenType::kUint16,
                    bytes);
    }
    const std::string path = fmt::format("/{}.bin", s);
    write_text(fs, path, bytes);
    sets.push_back({std::move(*TokenDataset::open(fs, path, 1, 5000)), weights[s]});
  }
  const auto samples = TrainingSamples::create(std::move(sets), 9);
  ASSERT_TRUE(samples.ok()) << samples.message();
  EXPECT_EQ(samples->samples(), 48);
  std::vector<int32_t> counts[3] = {std::vector<int32_t>(30), std::vector<int32_t>(7),
                                    std::vector<int32_t>(11)};
  std::vector<int32_t> token(1), label(1), position(1), again(1);
  constexpr int64_t kDraws = 4 * 7 * 11;  // of the sets 154, 77 and 77
  for (int64_t n = 0; n < kDraws; ++n) {
    samples->fill(n, token, label, position);
    EXPECT_EQ(label[0], token[0] + 1);
    ++counts[token[0] / 1000][token[0] % 1000];
    samples->fill(n, again, label, position);
    EXPECT_EQ(again, token);
  }
  for (const int32_t count : counts[0]) EXPECT_NEAR(count, 154.0 / 30, 1);
  EXPECT_EQ(counts[1], std::vector<int32_t>(7, 11));
  EXPECT_EQ(counts[2], std::vector<int32_t>(11, 7));
  EXPECT_DOUBLE_EQ(samples->epochs(1, kDraws), 11);
  EXPECT_EQ(samples->epoch(kDraws), 11);
}

}  // namespace
}  // namespace tutti
