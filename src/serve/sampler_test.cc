#include "serve/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace tutti {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

int32_t draw(const SamplingOptions& options, std::span<const float> logits, int64_t position) {
  Sampler sampler(options);
  const Result<int32_t> token = sampler.draw(logits, position);
  EXPECT_TRUE(token.ok()) << token.message();
  return *token;
}

std::vector<int64_t> count_draws(const SamplingOptions& options, std::span<const float> logits,
                                 int64_t draws) {
  Sampler sampler(options);
  std::vector<int64_t> counts(logits.size(), 0);
  for (int64_t i = 0; i < draws; ++i) {
    const Result<int32_t> token = sampler.draw(logits, i);
    EXPECT_TRUE(token.ok()) << token.message();
    ++counts[static_cast<size_t>(*token)];
  }
  return counts;
}

// Pearson's statistic of `counts` against `expected` probabilities (those above 0), as standard
// deviations above its mean by Wilson and Hilferty's approximation.
double chi_square_sigmas(const std::vector<int64_t>& counts, const std::vector<double>& expected) {
  const auto draws = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  double statistic = 0, freedom = -1;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (expected[i] == 0) {
      EXPECT_EQ(counts[i], 0) << "token " << i << " was to be left out";
      continue;
    }
    const double mean = draws * expected[i];
    statistic += std::pow(static_cast<double>(counts[i]) - mean, 2) / mean;
    ++freedom;
  }
  const double variance = 2 / (9 * freedom);
  return (std::cbrt(statistic / freedom) - (1 - variance)) / std::sqrt(variance);
}

uint64_t fresh_seed() {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

TEST(Sampler, DrawsByTheDistributionOfTheLogits) {
  const SamplingOptions options{.seed = fresh_seed()};
  const std::vector<double> p = {0.05, 0.3, 0.01, 0.2, 0.04, 0.4};
  // One in a million seeds is further out.
  EXPECT_LT(chi_square_sigmas(count_draws(options, logits_of(p), 40000), p), 4.75);
}

TEST(Sampler, TemperatureRaisesProbabilitiesToItsInverse) {
  const SamplingOptions options{.temperature = 0.5, .seed = fresh_seed()};
  std::vector<double> p = {0.1, 0.2, 0.3, 0.4};
  const auto counts = count_draws(options, logits_of(p), 40000);
  for (double& x : p) x = x * x / 0.3;
  EXPECT_LT(chi_square_sigmas(counts, p), 4.75);
}

TEST(Sampler, TopKLeavesTheKMostLikelyInTheirProportions) {
  const SamplingOptions options{.top_k = 2, .seed = fresh_seed()};
  const auto counts = count_draws(options, logits_of({0.1, 0.4, 0.15, 0.35}), 40000);
  EXPECT_LT(chi_square_sigmas(counts, {0, 0.4 / 0.75, 0, 0.35 / 0.75}), 4.75);
}

TEST(Sampler, TopPLeavesTheFewestThatReachIt) {
  // 0.4 + 0.35 reach 0.75 only just, so 0.74 needs both and 0.76 a third.
  const auto logits = logits_of({0.1, 0.4, 0.15, 0.35});
  const uint64_t seed = fresh_seed();
  const auto two = count_draws({.top_p = 0.74, .seed = seed}, logits, 40000);
  EXPECT_LT(chi_square_sigmas(two, {0, 0.4 / 0.75, 0, 0.35 / 0.75}), 4.75);
  const auto three = count_draws({.top_p = 0.76, .seed = seed}, logits, 40000);
  EXPECT_LT(chi_square_sigmas(three, {0, 0.4 / 0.9, 0.15 / 0.9, 0.35 / 0.9}), 4.75);
}

TEST(Sampler, TopPIsOfWhatTopKLeft) {
  // Of 0.4 and 0.35 the first has 53 % alone.
  const auto logits = logits_of({0.1, 0.4, 0.15, 0.35});
  const auto counts = count_draws({.top_k = 2, .top_p = 0.5}, logits, 200);
  EXPECT_EQ(counts[1], 200);
}

TEST(Sampler, AtTemperatureZeroTakesTheFirstOfTheMostLikely) {
  const std::vector<float> logits = {1, 3, -kInfinity, 3, 2};
  for (int64_t position = 0; position < 20; ++position) {
    EXPECT_EQ(draw({.temperature = 0}, logits, position), 1);
  }
}

TEST(Sampler, TopKOfOneIsGreedyWhereTokensAreEqual) {
  const std::vector<float> logits = {1, 3, 3, 2};
  for (int64_t position = 0; position < 20; ++position) {
    EXPECT_EQ(draw({.temperature = 5, .top_k = 1}, logits, position), 1);
  }
}

TEST(Sampler, TinyTopPKeepsTheMostLikely) {
  const std::vector<float> logits = {1, 2, 3, 2};
  for (int64_t position = 0; position < 20; ++position) {
    EXPECT_EQ(draw({.temperature = 5, .top_p = 1e-9}, logits, position), 2);
  }
}

TEST(Sampler, TopKOfTheVocabularyOrMoreIsOff) {
  const std::vector<float> logits = logits_of({0.2, 0.3, 0.5});
  const auto all = count_draws({.seed = 3}, logits, 500);
  for (const int64_t k : {3, 4, 1000000}) {
    EXPECT_EQ(count_draws({.top_k = k, .seed = 3}, logits, 500), all) << "top-k " << k;
  }
}

TEST(Sampler, NeverDrawsATokenOfNoProbability) {
  const std::vector<float> logits = {-kInfinity, 0, -kInfinity, 0, -kInfinity};
  const auto counts = count_draws({.temperature = 100}, logits, 2000);
  EXPECT_EQ(counts[1] + counts[3], 2000);
  EXPECT_GT(counts[1], 0);
  EXPECT_GT(counts[3], 0);
}

TEST(Sampler, AVeryLowTemperatureDoesNotOverflow) {
  const std::vector<float> logits = {-3e38f, 3e38f, 2e38f};
  EXPECT_EQ(draw({.temperature = 1e-30}, logits, 0), 1);
}

TEST(Sampler, DependsOnSeedAndPositionOnly) {
  const std::vector<float> logits(1000, 0.0f);
  const int32_t token = draw({.seed = 7}, logits, 12);
  Sampler sampler({.seed = 7});
  for (int64_t position = 0; position < 12; ++position) {
    ASSERT_TRUE(sampler.draw(logits, position).ok());
  }
  EXPECT_EQ(*sampler.draw(logits, 12), token);
  EXPECT_NE(draw({.seed = 8}, logits, 12), token);
  EXPECT_NE(draw({.seed = 7}, logits, 13), token);
}

TEST(Sampler, SaysThatLogitsAreNoNumbers) {
  Sampler sampler({});
  const std::vector<float> broken = {0, 1, std::nanf(""), 2};
  const Result<int32_t> token = sampler.draw(broken, 0);
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.message(), "the logit of token 2 is not a number");
  const std::vector<float> overflowed = {0, kInfinity};
  EXPECT_FALSE(sampler.draw(overflowed, 0).ok());
  const std::vector<float> nothing(3, -kInfinity);
  EXPECT_FALSE(sampler.draw(nothing, 0).ok());
}

TEST(CheckSampling, NamesTheOptionThatIsOutOfRange) {
  EXPECT_TRUE(check_sampling({.temperature = 0, .top_k = 0, .top_p = 1}).ok());
  const auto message = [](const SamplingOptions& options) {
    const Status status = check_sampling(options);
    return status.ok() ? std::string("accepted") : status.message();
  };
  EXPECT_EQ(message({.temperature = -0.1}), "temperature = -0.1, expected at least 0");
  EXPECT_NE(message({.temperature = std::nan("")}), "accepted");
  EXPECT_NE(message({.temperature = INFINITY}), "accepted");
  EXPECT_EQ(message({.top_k = -1}), "top-k = -1, expected at least 0");
  EXPECT_EQ(message({.top_p = 0}), "top-p = 0, expected above 0 and at most 1");
  EXPECT_NE(message({.top_p = 1.01}), "accepted");
}

}  // namespace
}  // namespace tutti
