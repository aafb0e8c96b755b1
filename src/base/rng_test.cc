#include "base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/normal.h"

namespace tutti {
namespace {

// The known-answer file of the Random123 library (kat_vectors, philox4x32 with 10 rounds).
TEST(Rng, MatchesPublishedPhiloxVectors) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, CounterFillsTheLowWords) {
  const RngKey key{1, 2};
  EXPECT_EQ(philox(key, 0x0000000500000007u), philox4x32({7, 5, 0, 0}, key));
}

// The offset basis and "foobar" of the FNV authors' test suite.
TEST(Rng, StableHashIsFnv1a) {
  EXPECT_EQ(stable_hash(""), 0xcbf29ce484222325u);
  EXPECT_EQ(stable_hash("foobar"), 0x85944171f73967e8u);
}

TEST(Rng, KeysDifferInEachPart) {
  std::set<uint64_t> keys;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    for (uint64_t step = 0; step < 8; ++step) {
      for (uint64_t name = 0; name < 8; ++name) {
        const RngKey key = rng_key(seed, step, name);
        keys.insert(uint64_t{key.high} << 32 | key.low);
      }
    }
  }
  EXPECT_EQ(keys.size(), 512u);
}

TEST(Rng, UniformStaysInRangeAtBothEnds) {
  EXPECT_EQ(uniform_float(0), 0.0f);
  EXPECT_LT(uniform_float(~0u), 1.0f);
}

TEST(Rng, UniformHasTheMomentsOfTheDistribution) {
  constexpr int kCount = 200000;
  const RngKey key = rng_key(1337, 0, stable_hash("w"));
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = uniform_at(key, i) - 0.5;
    sum += u;
    squares += u * u;
  }
  // Five standard errors of each estimate.
  EXPECT_NEAR(sum / kCount, 0.0, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(squares / kCount, 1.0 / 12, 5 * std::sqrt(1.0 / 180 / kCount));
}

TEST(Rng, ElementsOfOneBlockUseTheFourWordsInOrder) {
  const RngKey key{3, 4};
  const std::array<uint32_t, 4> words = philox(key, 2);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(uniform_at(key, 8 + i), uniform_float(words[i]));
    EXPECT_EQ(normal_at(key, 8 + i), normal_from<ScalarLanes>(words[i]));
  }
}

}  // namespace
}  // namespace tutti
