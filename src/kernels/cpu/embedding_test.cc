#include "kernels/cpu/kernel_test.h"

#include <gtest/gtest.h>

#include "tensor/float_conversion.h"

namespace tutti::cpu::embedding_test {
namespace {

struct Case {
  int64_t n, vocab, d;
  int64_t first_row, rows;  // the local part of the table
};

constexpr Case kCases[] = {
    {1, 1, 1, 0, 1},      {7, 5, 3, 0, 5},       {64, 11, 16, 4, 3}, {100, 40, 33, 20, 20},
    {50, 300, 48, 0, 10}, {33, 20, 129, 15, 30}, {0, 10, 8, 0, 10},  {20, 10, 8, 10, 0},
};

struct Inputs {
  std::vector<int32_t> ids;
  std::vector<float> w, dy, dw;
};

Inputs make_inputs(RandomInputs& random, const Case& c) {
  return {random.integers(c.n, -1, static_cast<int32_t>(c.vocab) - 1), random.normal(c.rows * c.d),
          random.normal(c.n * c.d), random.normal(c.rows * c.d)};
}

std::vector<float> forward(const Kernels& kernels, const Case& c, const Inputs& in, int threads) {
  std::vector<float> out(c.n * c.d, -1.0f);
  kernels.embedding(in.ids.data(), in.w.data(), c.n, c.rows, c.d, c.first_row, out.data(), threads);
  return out;
}

std::vector<float> gradient(const Kernels& kernels, const Case& c, const Inputs& in,
                            bool accumulate, int threads) {
  std::vector<float> dw = in.dw;
  kernels.embedding_grad(in.ids.data(), in.dy.data(), c.n, c.rows, c.d, c.first_row, dw.data(),
                         accumulate, threads);
  return dw;
}

TEST(EmbeddingOracle, TakesRowsAndAddsTheirGradients) {
  const int32_t ids[] = {2, 7, 3, 2, 0};
  const float w[] = {20, 21, 30, 31}, dy[] = {1, 2, 9, 9, 3, 4, 5, 6, 9, 9};
  float out[10], dw[] = {100, 100, 100, 100};
  oracle_kernels().embedding(ids, w, 5, 2, 2, 2, out, 1);
  EXPECT_EQ(std::vector<float>(out, out + 10),
            (std::vector<float>{20, 21, 0, 0, 30, 31, 20, 21, 0, 0}));
  oracle_kernels().embedding_grad(ids, dy, 5, 2, 2, 2, dw, true, 1);
  EXPECT_EQ(std::vector<float>(dw, dw + 4), (std::vector<float>{106, 108, 103, 104}));
  oracle_kernels().embedding_grad(ids, dy, 5, 2, 2, 2, dw, false, 1);
  EXPECT_EQ(std::vector<float>(dw, dw + 4), (std::vector<float>{6, 8, 3, 4}));
}

// Copies, and additions in the order of the tokens: there is nothing that may round differently.
TEST(Embedding, HasTheOraclesBitsOnAnyNumberOfThreads) {
  RandomInputs random;
  for (const Case& c : kCases) {
    const Inputs in = make_inputs(random, c);
    const auto out = forward(oracle_kernels(), c, in, 1);
    const auto dw = gradient(oracle_kernels(), c, in, false, 1);
    const auto dw_added = gradient(oracle_kernels(), c, in, true, 1);
    for (const Kernels* kernels : fast_tables()) {
      for (const int threads : {1, 2, 5}) {
        const std::string where = std::string(kernels->name) + " n=" + std::to_string(c.n) +
                                  " d=" + std::to_string(c.d) +
                                  " threads=" + std::to_string(threads);
        EXPECT_TRUE(same_bits(forward(*kernels, c, in, threads), out)) << where;
        EXPECT_TRUE(same_bits(gradient(*kernels, c, in, false, threads), dw)) << where;
        EXPECT_TRUE(same_bits(gradient(*kernels, c, in, true, threads), dw_added)) << where;
      }
    }
  }
}

TEST(Embedding, WidensARowOfABf16Table) {
  RandomInputs random;
  for (const Case& c : kCases) {
    Inputs in = make_inputs(random, c);
    std::vector<uint16_t> narrow(in.w.size());
    for (size_t i = 0; i < narrow.size(); ++i) {
      narrow[i] = f32_to_bf16(in.w[i]);
      in.w[i] = bf16_to_f32(narrow[i]);
    }
    const auto expected = forward(oracle_kernels(), c, in, 1);
    for (const Kernels* kernels : all_tables()) {
      std::vector<float> out(expected.size(), -1.0f);
      kernels->embedding_bf16(in.ids.data(), narrow.data(), c.n, c.rows, c.d, c.first_row,
                              out.data(), 2);
      EXPECT_TRUE(same_bits(out, expected)) << kernels->name << " n=" << c.n << " d=" << c.d;
    }
  }
}

TEST(Embedding, PartsOfTheTableTogetherAreTheWhole) {
  RandomInputs random;
  const Case whole{40, 24, 19, 0, 24};
  const Inputs in = make_inputs(random, whole);
  for (const Kernels* kernels : all_tables()) {
    const auto out = forward(*kernels, whole, in, 2);
    const auto dw = gradient(*kernels, whole, in, true, 2);
    std::vector<float> out_sum(out.size(), 0.0f), dw_joined;
    for (const int64_t first_row : {0, 8, 16}) {
      const Case part{whole.n, whole.vocab, whole.d, first_row, 8};
      const auto begin = first_row * whole.d, end = (first_row + 8) * whole.d;
      const Inputs local{in.ids,
                         {in.w.begin() + begin, in.w.begin() + end},
                         in.dy,
                         {in.dw.begin() + begin, in.dw.begin() + end}};
      const auto part_out = forward(*kernels, part, local, 2);
      for (size_t i = 0; i < out.size(); ++i) out_sum[i] += part_out[i];
      const auto part_dw = gradient(*kernels, part, local, true, 2);
      dw_joined.insert(dw_joined.end(), part_dw.begin(), part_dw.end());
    }
    EXPECT_EQ(out_sum, out) << kernels->name;
    EXPECT_TRUE(same_bits(dw_joined, dw)) << kernels->name;
  }
}

}  // namespace
}  // namespace tutti::cpu::embedding_test
