#include "kernels/cpu/random.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu::random_test {
namespace {

using Vector = std::vector<float>;

constexpr RngKey kKey = {0x12345678u, 0x9abcdef0u};

int64_t count(const GlobalIndex3& index) {
  return index.local[0] * index.local[1] * index.local[2];
}

Vector drop(const Kernels& kernels, const Vector& x, const GlobalIndex3& index, float p,
            int threads) {
  Vector y(x.size() + 1, -7.0f);
  kernels.dropout(x.data(), index, kKey, p, y.data(), threads);
  return y;
}

const GlobalIndex3 kBlocks[] = {
    {{1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {{2, 3, 5}, {1, 2, 3}, {4, 7, 11}},       // a block of odd rows
    {{3, 4, 9}, {1, 0, 0}, {5, 4, 9}},        // whole in the last two dims
    {{2, 4, 33}, {0, 4, 0}, {2, 9, 33}},      // whole in the last
    {{1, 2, 1300}, {0, 1, 3}, {1, 3, 1307}},  // rows longer than one draw
    {{2, 0, 8}, {0, 0, 0}, {2, 4, 8}},        // nothing
    {{1, 1, 50}, {3, 0, 4294967290}, {4, 1, int64_t{1} << 33}},
    {{1, 1, 50}, {0, 0, (int64_t{1} << 34) - 21}, {1, 1, int64_t{1} << 35}},  // counter over 2^32
};

TEST(Dropout, EveryTableDrawsTheSameBitsAsTheOracle) {
  RandomInputs random;
  for (const GlobalIndex3& index : kBlocks) {
    const Vector x = random.normal(count(index));
    for (const float p : {0.0f, 0.1f, 0.5f, 1.0f}) {
      const Vector expected = drop(oracle_kernels(), x, index, p, 1);
      for (const Kernels* kernels : fast_tables()) {
        EXPECT_TRUE(same_bits(drop(*kernels, x, index, p, 1), expected)) << kernels->name;
        EXPECT_TRUE(same_bits(drop(*kernels, x, index, p, 2), expected)) << kernels->name;
      }
    }
  }
}

TEST(Dropout, ABlockDrawsWhatTheWholeTensorDraws) {
  RandomInputs random;
  const GlobalIndex3 whole = {{3, 5, 21}, {0, 0, 0}, {3, 5, 21}};
  const GlobalIndex3 block = {{2, 3, 10}, {1, 2, 7}, {3, 5, 21}};
  const Vector x(static_cast<size_t>(count(whole)), 1.0f), ones(60, 1.0f);
  for (const Kernels* kernels : all_tables()) {
    const Vector all = drop(*kernels, x, whole, 0.4f, 1),
                 part = drop(*kernels, ones, block, 0.4f, 1);
    for (int64_t i = 0; i < 2; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        for (int64_t l = 0; l < 10; ++l) {
          EXPECT_EQ(part[(i * 3 + j) * 10 + l], all[((i + 1) * 5 + j + 2) * 21 + l + 7]);
        }
      }
    }
  }
}

TEST(Dropout, KeepsTheRightShareAndScalesIt) {
  const GlobalIndex3 index = {{1, 1, 100000}, {0, 0, 0}, {1, 1, 100000}};
  const Vector x(100000, 3.0f);
  for (const Kernels* kernels : all_tables()) {
    Vector y(x.size());
    kernels->dropout(x.data(), index, kKey, 0.3f, y.data(), 2);
    int64_t kept = 0;
    for (const float value : y) {
      EXPECT_TRUE(value == 0.0f || value == 3.0f / (1.0f - 0.3f));
      kept += value != 0.0f;
    }
    EXPECT_NEAR(static_cast<double>(kept), 70000, 5 * std::sqrt(100000 * 0.21)) << kernels->name;
  }
}

TEST(FillNormal, EveryTableDrawsTheSameBitsAsNormalAtFromAnyIndex) {
  for (const int64_t first :
       {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{1023}, (int64_t{1} << 34) - 5}) {
    for (const int64_t size : {0, 1, 2, 3, 4, 5, 17, 1024, 2051}) {
      Vector expected(static_cast<size_t>(size) + 1, -7.0f);
      for (int64_t i = 0; i < size; ++i) {
        expected[i] = 0.5f + 0.02f * normal_at(kKey, static_cast<uint64_t>(first + i));
      }
      for (const Kernels* kernels : all_tables()) {
        for (const int threads : {1, 2}) {
          Vector y(expected.size(), -7.0f);
          kernels->fill_normal(kKey, first, size, 0.5f, 0.02f, y.data(), threads);
          EXPECT_TRUE(same_bits(y, expected)) << kernels->name << " " << first << " + " << size;
        }
      }
    }
  }
}

TEST(FillNormal, EveryTableDrawsTheSameBitsOfAMillionElements) {
  constexpr int64_t kCount = 1000000;
  RandomInputs random;
  const auto low = static_cast<uint32_t>(random.integers(1, 0, INT32_MAX)[0]);
  const RngKey key = {low, low ^ 0x5bd1e995u};
  const int64_t first = random.integers(1, 0, INT32_MAX)[0];
  Vector expected(kCount);
  for (int64_t i = 0; i < kCount; ++i) {
    expected[i] = -1.0f + 3.0f * normal_at(key, static_cast<uint64_t>(first + i));
  }
  for (const Kernels* kernels : all_tables()) {
    Vector y(kCount);
    kernels->fill_normal(key, first, kCount, -1.0f, 3.0f, y.data(), 2);
    EXPECT_TRUE(same_bits(y, expected)) << kernels->name;
  }
}

}  // namespace
}  // namespace tutti::cpu::random_test
