#include "kernels/cpu/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/attention_problem.h"

namespace tutti::cpu::attention_test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Attention, MatchesOracle) {
  RandomInputs random;
  for (const AttentionCase& c : kAttentionCases) {
    const AttentionProblem problem(c, random);
    const AttentionOutput expected = problem.forward(oracle_kernels());
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + c.name);
      const AttentionOutput actual = problem.forward(*kernels, 2);
      EXPECT_LT(max_relative_error(actual.o.values, expected.o.values), 3e-6);
      EXPECT_LT(max_relative_error(actual.lse_bhgs, expected.lse_bhgs), 3e-6);
    }
  }
}

TEST(Attention, GradMatchesOracle) {
  RandomInputs random;
  for (const AttentionCase& c : kAttentionCases) {
    const AttentionProblem problem(c, random);
    const AttentionOutput output = problem.forward(oracle_kernels());
    const AttentionGrads expected = problem.backward(oracle_kernels(), output);
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + c.name);
      const AttentionGrads actual = problem.backward(*kernels, output, 2);
      EXPECT_LT(max_relative_error(actual.dq.values, expected.dq.values), 1e-5);
      EXPECT_LT(max_relative_error(actual.dk.values, expected.dk.values), 1e-5);
      EXPECT_LT(max_relative_error(actual.dv.values, expected.dv.values), 1e-5);
    }
  }
}

// The oracle's gradient of sum(dout * o) along each of some elements against central differences.
TEST(Attention, OracleGradMatchesFiniteDifferences) {
  RandomInputs random;
  for (const AttentionCase& c :
       {AttentionCase{"causal", 2, 5, 5, 2, 1, 3},
        AttentionCase{"grouped", 1, 4, 9, 1, 3, 4, true, 5, 3, 0, 2},
        AttentionCase{"documents", 1, 8, 8, 1, 2, 2, false, 0, 0, 3},
        AttentionCase{"dropout", 1, 6, 6, 2, 2, 3, true, 0, 0, 0, 0, 0.4f}}) {
    SCOPED_TRACE(c.name);
    AttentionProblem problem(c, random);
    const AttentionGrads grads =
        problem.backward(oracle_kernels(), problem.forward(oracle_kernels()));
    const auto loss = [&] {
      const AttentionOutput output = problem.forward(oracle_kernels());
      double sum = 0;
      for (size_t i = 0; i < output.o.values.size(); ++i) {
        if (static_cast<int64_t>(i) % output.o.row >= output.o.width) continue;
        sum += static_cast<double>(output.o.values[i]) * problem.dout.values[i];
      }
      return sum;
    };
    const auto check = [&](Rows& operand, const Rows& gradient) {
      constexpr float kStep = 0x1p-7f;
      for (size_t i = 0; i < operand.values.size(); ++i) {
        if (static_cast<int64_t>(i) % operand.row >= operand.width) continue;
        const float value = operand.values[i], above = value + kStep, below = value - kStep;
        operand.values[i] = above;
        const double up = loss();
        operand.values[i] = below;
        const double difference = (up - loss()) / (static_cast<double>(above) - below);
        operand.values[i] = value;
        EXPECT_NEAR(gradient.values[i], difference, 1e-3 * std::max(1.0, std::abs(difference)));
      }
    };
    check(problem.q, grads.dq);
    check(problem.k, grads.dk);
    check(problem.v, grads.dv);
  }
}

TEST(Attention, ThreadsChangeNoBit) {
  RandomInputs random;
  for (const AttentionCase& c : kAttentionCases) {
    const AttentionProblem problem(c, random);
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + c.name);
      const AttentionOutput one = problem.forward(*kernels, 1);
      const AttentionGrads grads = problem.backward(*kernels, one, 1);
      // 7: more threads than heads, so that the gradient goes by tiles.
      for (const int threads : {2, 7}) {
        const AttentionOutput many = problem.forward(*kernels, threads);
        EXPECT_TRUE(same_bits(many.o.values, one.o.values));
        EXPECT_TRUE(same_bits(many.lse_bhgs, one.lse_bhgs));
        const AttentionGrads again = problem.backward(*kernels, one, threads);
        EXPECT_TRUE(same_bits(again.dq.values, grads.dq.values));
        EXPECT_TRUE(same_bits(again.dk.values, grads.dk.values));
        EXPECT_TRUE(same_bits(again.dv.values, grads.dv.values));
      }
    }
  }
}

// A part of a problem, computed alone with the operands where they are, overwrites its part of the
// whole result with the same bits.
struct Part {
  Attention shape;
  int64_t q, k, v, o, lse;  // where its operands begin

  static Part of_head(const AttentionProblem& whole, int64_t b, int64_t h) {
    Part part{whole.shape, 0, 0, 0, 0, 0};
    const Attention& a = whole.shape;
    part.shape.batch = part.shape.kv_heads = 1;
    part.q = b * a.q_batch + h * a.group * a.head_dim;
    part.o = b * a.o_batch + h * a.group * a.head_dim;
    part.k = b * a.k_batch + h * a.head_dim;
    part.v = b * a.v_batch + h * a.head_dim;
    part.lse = (b * a.kv_heads + h) * a.group * a.q_len;
    part.shape.dropout.b0 += b;
    part.shape.dropout.h0 += h;
    if (a.q_segments != nullptr) {
      part.shape.q_segments += b * a.q_len;
      part.shape.kv_segments += b * a.kv_len;
    }
    return part;
  }
  Part of_member(int64_t g) const {
    Part part = *this;
    part.shape.group = 1;
    part.shape.dropout.g0 += g;
    part.q += g * shape.head_dim;
    part.o += g * shape.head_dim;
    part.lse += g * shape.q_len;
    return part;
  }
  // Queries [s, s + count) of a part whose group is 1 and whose batch and head are one.
  Part of_queries(int64_t s, int64_t count) const {
    Part part = *this;
    part.shape.q_len = count;
    part.shape.q_offset += s;
    part.shape.dropout.s0 += s;
    part.q += s * shape.q_row;
    part.o += s * shape.o_row;
    part.lse += s;
    if (shape.q_segments != nullptr) part.shape.q_segments += s;
    return part;
  }

  void forward(const Kernels& kernels, const AttentionProblem& whole, AttentionOutput& out) const {
    std::vector<char> workspace(kernels.attention_workspace_bytes(shape, 1));
    kernels.attention(shape, whole.q.values.data() + q, whole.k.values.data() + k,
                      whole.v.values.data() + v, out.o.values.data() + o, out.lse_bhgs.data() + lse,
                      workspace.data(), 1);
  }
  void backward(const Kernels& kernels, const AttentionProblem& whole, const AttentionOutput& out,
                AttentionGrads& grads) const {
    std::vector<char> workspace(kernels.attention_grad_workspace_bytes(shape, 1));
    kernels.attention_grad(shape, whole.dout.values.data() + o, whole.q.values.data() + q,
                           whole.k.values.data() + k, whole.v.values.data() + v,
                           out.o.values.data() + o, out.lse_bhgs.data() + lse,
                           grads.dq.values.data() + q, grads.dk.values.data() + k,
                           grads.dv.values.data() + v, workspace.data(), 1);
  }
};

TEST(Attention, HeadAloneHasTheBitsOfTheWhole) {
  RandomInputs random;
  for (const AttentionCase& c : kAttentionCases) {
    const AttentionProblem problem(c, random);
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + c.name);
      const AttentionOutput whole = problem.forward(*kernels, 2);
      const AttentionGrads grads = problem.backward(*kernels, whole, 2);
      // What the parts do not write is not equal to the whole.
      AttentionOutput parts{problem.dout, std::vector<float>(whole.lse_bhgs.size(), -1.0f)};
      AttentionGrads part_grads{problem.q, problem.k, problem.v};
      for (int64_t b = 0; b < c.batch; ++b) {
        for (int64_t h = 0; h < c.kv_heads; ++h) {
          const Part part = Part::of_head(problem, b, h);
          part.forward(*kernels, problem, parts);
          part.backward(*kernels, problem, whole, part_grads);
        }
      }
      EXPECT_TRUE(same_bits(parts.o.values, whole.o.values));
      EXPECT_TRUE(same_bits(parts.lse_bhgs, whole.lse_bhgs));
      EXPECT_TRUE(same_bits(part_grads.dq.values, grads.dq.values));
      EXPECT_TRUE(same_bits(part_grads.dk.values, grads.dk.values));
      EXPECT_TRUE(same_bits(part_grads.dv.values, grads.dv.values));
    }
  }
}

TEST(Attention, QueryHeadAloneAndQueryRangesHaveTheBitsOfTheWhole) {
  RandomInputs random;
  for (const AttentionCase& c : kAttentionCases) {
    const AttentionProblem problem(c, random);
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + c.name);
      const AttentionOutput whole = problem.forward(*kernels, 2);
      const AttentionGrads grads = problem.backward(*kernels, whole, 2);
      AttentionOutput parts{problem.dout, std::vector<float>(whole.lse_bhgs.size(), -1.0f)};
      AttentionGrads part_grads{problem.q, problem.k, problem.v};
      for (int64_t b = 0; b < c.batch; ++b) {
        for (int64_t h = 0; h < c.kv_heads; ++h) {
          for (int64_t g = 0; g < c.group; ++g) {
            const Part member = Part::of_head(problem, b, h).of_member(g);
            // Both ranges need at least two queries: one alone is decoded.
            const int64_t cut = c.q_len < 4 ? c.q_len : c.q_len / 3 + 1;
            for (const Part& part :
                 {member.of_queries(0, cut), member.of_queries(cut, c.q_len - cut)}) {
              if (part.shape.q_len == 0) continue;
              part.forward(*kernels, problem, parts);
              part.backward(*kernels, problem, whole, part_grads);
            }
          }
        }
      }
      EXPECT_TRUE(same_bits(parts.o.values, whole.o.values));
      EXPECT_TRUE(same_bits(parts.lse_bhgs, whole.lse_bhgs));
      EXPECT_TRUE(same_bits(part_grads.dq.values, grads.dq.values));
    }
  }
}

TEST(Attention, QueryThatSeesNoKeyGivesZeros) {
  RandomInputs random;
  for (const int64_t q_len : {1, 10, 120}) {
    AttentionProblem problem({"", 1, q_len, 130, 2, 2, 12, true, -3}, random);
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(std::string(kernels->name) + " " + std::to_string(q_len));
      const AttentionOutput output = problem.forward(*kernels);
      const AttentionGrads grads = problem.backward(*kernels, output);
      for (int64_t s = 0; s < std::min<int64_t>(3, q_len); ++s) {
        EXPECT_EQ(output.lse_bhgs[static_cast<size_t>(s)], -kInfinity);
        for (int64_t i = 0; i < problem.dout.width; ++i) {
          EXPECT_EQ(output.o.values[static_cast<size_t>(s * output.o.row + i)], 0.0f);
          EXPECT_EQ(grads.dq.values[static_cast<size_t>(s * grads.dq.row + i)], 0.0f);
        }
      }
      for (const Rows* rows : {&output.o, &grads.dq, &grads.dk, &grads.dv}) {
        for (const float value : rows->values) ASSERT_FALSE(std::isnan(value));
      }
    }
  }
}

// With equal scores and values of one, an output is the mean of what the weights are multiplied by.
TEST(Attention, DropoutKeepsItsShareOfTheWeights) {
  RandomInputs random;
  AttentionProblem problem({"", 2, 150, 203, 2, 1, 4, false, 0, 0, 0, 0, 0.25f}, random);
  for (float& x : problem.q.values) x = 0;
  for (float& x : problem.v.values) x = 1;
  for (const Kernels* kernels : fast_tables()) {
    SCOPED_TRACE(kernels->name);
    const std::vector<float> o = problem.forward(*kernels).o.values;
    const double mean = std::accumulate(o.begin(), o.end(), 0.0) / static_cast<double>(o.size());
    // 121,800 weights of standard deviation 0.58: five standard errors.
    EXPECT_NEAR(mean, 1, 0.0083);
    problem.shape.dropout.key.low += 1;
    EXPECT_FALSE(same_bits(problem.forward(*kernels).o.values, o));
    problem.shape.dropout.key.low -= 1;
    EXPECT_TRUE(same_bits(problem.forward(*kernels).o.values, o));
  }
}

TEST(Attention, ScoreOfMinusInfinityHasNoWeight) {
  RandomInputs random;
  for (const int64_t q_len : {1, 7}) {
    AttentionProblem problem({"", 1, q_len, 11, 1, 1, 8, false}, random);
    for (float& x : problem.q.values) x = std::abs(x) + 0.1f;
    for (int64_t i = 0; i < 8; ++i) problem.k.values[static_cast<size_t>(4 * 8 + i)] = -kInfinity;
    const AttentionOutput expected = problem.forward(oracle_kernels());
    for (const float value : expected.o.values) ASSERT_TRUE(std::isfinite(value));
    for (const Kernels* kernels : fast_tables()) {
      SCOPED_TRACE(kernels->name);
      const AttentionOutput actual = problem.forward(*kernels);
      EXPECT_LT(max_relative_error(actual.o.values, expected.o.values), 3e-6);
      EXPECT_LT(max_relative_error(actual.lse_bhgs, expected.lse_bhgs), 3e-6);
    }
  }
}

// Finite operands whose products do not fit a float: like a query that sees no key.
TEST(Attention, ScoresThatOverflowToMinusInfinityGiveZeros) {
  RandomInputs random;
  AttentionProblem problem({"", 1, 7, 11, 1, 1, 8, false}, random);
  for (float& x : problem.q.values) x = 1e30f;
  for (float& x : problem.k.values) x = -1e30f;
  for (const Kernels* kernels : fast_tables()) {
    SCOPED_TRACE(kernels->name);
    const AttentionOutput output = problem.forward(*kernels);
    const AttentionGrads grads = problem.backward(*kernels, output);
    for (const float lse : output.lse_bhgs) EXPECT_EQ(lse, -kInfinity);
    for (const Rows* rows : {&output.o, &grads.dq, &grads.dk, &grads.dv}) {
      for (const float value : rows->values) EXPECT_EQ(value, 0.0f);
    }
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  RandomInputs random;
  AttentionProblem problem({"", 1, 100, 100, 1, 1, 16}, random);
  problem.shape.scale = 100.0f;
  const AttentionOutput expected = problem.forward(oracle_kernels());
  for (const Kernels* kernels : fast_tables()) {
    SCOPED_TRACE(kernels->name);
    // Scores reach some thousands, where a unit in the last place is 2e-4.
    const AttentionOutput actual = problem.forward(*kernels);
    EXPECT_LT(max_relative_error(actual.o.values, expected.o.values), 2e-3);
    EXPECT_LT(max_relative_error(actual.lse_bhgs, expected.lse_bhgs), 1e-5);
  }
}

TEST(AttentionMerge, WeighsBySumsAndLeavesOutWhatHasNoKey) {
  const float log2 = std::log(2.0f), log3 = std::log(3.0f);
  const std::vector<float> o_a{1.1f, 0, 0, 4, 8}, lse_a{0.7f, -kInfinity, -kInfinity, 1, log3};
  const std::vector<float> o_b{0, 2.3f, 0, 2, 4}, lse_b{-kInfinity, -1.9f, -kInfinity, 1, 0};
  for (const Kernels* kernels : all_tables()) {
    SCOPED_TRACE(kernels->name);
    std::vector<float> o(5, -7.0f), lse(5, -7.0f);
    kernels->attention_merge(o_a.data(), lse_a.data(), o_b.data(), lse_b.data(), 1, 5, 1, 1,
                             o.data(), lse.data(), 2);
    EXPECT_EQ(std::vector(o.begin(), o.begin() + 3), (std::vector{1.1f, 2.3f, 0.0f}));
    EXPECT_EQ(std::vector(lse.begin(), lse.begin() + 3), (std::vector{0.7f, -1.9f, -kInfinity}));
    EXPECT_NEAR(o[3], 3, 1e-6);
    EXPECT_NEAR(lse[3], 1 + log2, 1e-6);
    EXPECT_NEAR(o[4], 7, 2e-6);
    EXPECT_NEAR(lse[4], 2 * log2, 1e-6);
  }
}

}  // namespace
}  // namespace tutti::cpu::attention_test
