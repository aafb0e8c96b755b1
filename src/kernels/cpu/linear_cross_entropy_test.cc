#include "kernels/cpu/kernel_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti::cpu::linear_cross_entropy_test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr char kGuard = 0x5a;

struct Shape {
  int64_t n, rows, d, vocab_valid;
};

constexpr Shape kShapes[] = {
    {1, 1, 1, 1},      {1, 50, 7, 50},    {3, 17, 1, 16},    {37, 130, 24, 130},
    {64, 128, 32, 97}, {5, 1100, 8, 999}, {600, 67, 16, 67}, {1100, 35, 12, 33},
};

struct Inputs {
  std::vector<float> x, w;
  std::vector<int32_t> labels;
  float seed = 0.25f;
};

// Rows of padding hold NaN: they must not be looked at.
Inputs make_inputs(RandomInputs& random, const Shape& s) {
  Inputs in{random.normal(s.n * s.d), random.normal(s.rows * s.d),
            random.integers(s.n, -1, static_cast<int32_t>(s.vocab_valid) - 1)};
  for (int64_t i = s.vocab_valid * s.d; i < s.rows * s.d; ++i) in.w[i] = kNan;
  return in;
}

struct Results {
  float loss = 0;
  std::vector<float> dx, dw;
};

// A workspace of just the size that the kernel asked for; `check` sees whether it wrote behind it.
class Workspace {
 public:
  Workspace(const Kernels& kernels, const Shape& s, int threads)
      : bytes_(kernels.linear_cross_entropy_workspace_bytes(s.n, s.rows, s.d, threads)),
        memory_(bytes_ + 64, kGuard) {}
  ~Workspace() {
    for (size_t i = bytes_; i < memory_.size(); ++i) EXPECT_EQ(memory_[i], kGuard);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* data() { return memory_.data(); }

 private:
  size_t bytes_;
  std::vector<char> memory_;
};

Results fused(const Kernels& kernels, const Shape& s, const Inputs& in, int threads,
              bool accumulate = false) {
  Results r{accumulate ? 3.0f : kNan, std::vector<float>(s.n * s.d, kNan),
            std::vector<float>(s.rows * s.d, accumulate ? 0.5f : kNan)};
  Workspace workspace(kernels, s, threads);
  kernels.linear_cross_entropy_fused(in.x.data(), in.w.data(), in.labels.data(), &in.seed, s.n,
                                     s.rows, s.d, s.vocab_valid, &r.loss, accumulate, r.dx.data(),
                                     r.dw.data(), accumulate, workspace.data(), threads);
  return r;
}

struct Stats {
  std::vector<float> max, sum, label_logit;
};

// Of the rows [first_row, first_row + s.rows) of in.w.
Stats stats(const Kernels& kernels, const Shape& s, const Inputs& in, int64_t first_row,
            int threads) {
  Stats r{std::vector<float>(s.n, kNan), std::vector<float>(s.n, kNan),
          std::vector<float>(s.n, kNan)};
  Workspace workspace(kernels, s, threads);
  kernels.logits_stats(in.x.data(), in.w.data() + first_row * s.d, in.labels.data(), s.n, s.rows,
                       s.d, first_row, s.vocab_valid, r.max.data(), r.sum.data(),
                       r.label_logit.data(), workspace.data(), threads);
  return r;
}

// The loss in double precision, written apart from the kernels.
double reference_loss(const Shape& s, const std::vector<double>& x, const std::vector<double>& w,
                      const std::vector<int32_t>& labels) {
  double loss = 0;
  for (int64_t i = 0; i < s.n; ++i) {
    if (labels[i] < 0) continue;
    double sum = 0, label_logit = 0;
    for (int64_t v = 0; v < s.vocab_valid; ++v) {
      double logit = 0;
      for (int64_t j = 0; j < s.d; ++j) logit += x[i * s.d + j] * w[v * s.d + j];
      sum += std::exp(logit);
      if (v == labels[i]) label_logit = logit;
    }
    loss += std::log(sum) - label_logit;
  }
  return loss;
}

TEST(LinearCrossEntropyOracle, GradientsAreFiniteDifferencesOfTheLoss) {
  RandomInputs random;
  const Shape s{6, 11, 5, 9};
  const Inputs in = make_inputs(random, s);
  std::vector<double> x(in.x.begin(), in.x.end()), w(in.w.begin(), in.w.end());
  const Results r = fused(oracle_kernels(), s, in, 1);
  EXPECT_NEAR(r.loss, reference_loss(s, x, w, in.labels), 1e-5);
  constexpr double kStep = 1e-4;
  const auto slope = [&](double& element) {
    const double before = element;
    element = before + kStep;
    const double up = reference_loss(s, x, w, in.labels);
    element = before - kStep;
    const double down = reference_loss(s, x, w, in.labels);
    element = before;
    return in.seed * (up - down) / (2 * kStep);
  };
  for (int64_t i = 0; i < s.n * s.d; ++i) EXPECT_NEAR(r.dx[i], slope(x[i]), 1e-6) << "dx " << i;
  for (int64_t i = 0; i < s.vocab_valid * s.d; ++i) {
    EXPECT_NEAR(r.dw[i], slope(w[i]), 1e-6) << "dw " << i;
  }
  for (int64_t i = s.vocab_valid * s.d; i < s.rows * s.d; ++i) EXPECT_EQ(r.dw[i], 0.0f);
}

TEST(LinearCrossEntropy, FusedEqualsTheOracle) {
  RandomInputs random;
  for (const Shape& s : kShapes) {
    const Inputs in = make_inputs(random, s);
    for (const bool accumulate : {false, true}) {
      const Results expected = fused(oracle_kernels(), s, in, 1, accumulate);
      for (const Kernels* kernels : fast_tables()) {
        for (const int threads : {1, 2}) {
          SCOPED_TRACE(testing::Message() << kernels->name << " n=" << s.n << " rows=" << s.rows
                                          << " d=" << s.d << " threads=" << threads);
          const Results actual = fused(*kernels, s, in, threads, accumulate);
          EXPECT_NEAR(actual.loss, expected.loss, 1e-6 * std::max(1.0f, expected.loss));
          EXPECT_LT(max_relative_error(actual.dx, expected.dx), 5e-6);
          EXPECT_LT(max_relative_error(actual.dw, expected.dw, std::sqrt(s.n)), 2e-6);
        }
      }
    }
  }
}

// What tensor parallelism does: statistics of each part of the vocabulary, merged, then gradients
// of each part.
TEST(LinearCrossEntropy, PartsOfTheVocabularyTogetherAreTheWhole) {
  RandomInputs random;
  const Shape whole{70, 96, 20, 60};
  const Shape part{70, 32, 20, 60};
  const Inputs in = make_inputs(random, whole);
  const Results expected = fused(oracle_kernels(), whole, in, 1, true);
  for (const Kernels* kernels : all_tables()) {
    SCOPED_TRACE(kernels->name);
    std::vector<double> sum(whole.n, 0.0), label_logit(whole.n, 0.0);
    for (const int64_t first_row : {0, 32, 64}) {
      const Stats local = stats(*kernels, part, in, first_row, 2);
      for (int64_t i = 0; i < whole.n; ++i) {
        sum[i] += static_cast<double>(local.sum[i]) * std::exp(static_cast<double>(local.max[i]));
        label_logit[i] += local.label_logit[i];
      }
    }
    double loss = 3.0;
    std::vector<float> lse(whole.n), dx(whole.n * whole.d, 0.0f), dw(whole.rows * whole.d, 0.5f);
    for (int64_t i = 0; i < whole.n; ++i) {
      lse[i] = static_cast<float>(std::log(sum[i]));
      if (in.labels[i] >= 0) loss += std::log(sum[i]) - label_logit[i];
    }
    for (const int64_t first_row : {0, 32, 64}) {
      std::vector<float> dx_part(dx.size(), kNan);
      Workspace workspace(*kernels, part, 2);
      kernels->linear_cross_entropy_grad(in.x.data(), in.w.data() + first_row * part.d,
                                         in.labels.data(), lse.data(), &in.seed, part.n, part.rows,
                                         part.d, first_row, part.vocab_valid, dx_part.data(),
                                         dw.data() + first_row * part.d, true, workspace.data(), 2);
      for (size_t i = 0; i < dx.size(); ++i) dx[i] += dx_part[i];
    }
    EXPECT_NEAR(loss, expected.loss, 1e-5 * expected.loss);
    EXPECT_LT(max_relative_error(dx, expected.dx), 1e-5);
    EXPECT_LT(max_relative_error(dw, expected.dw), 1e-5);
  }
}

TEST(LinearCrossEntropy, EitherGradientMayBeLeftOut) {
  RandomInputs random;
  const Shape s{30, 40, 9, 37};
  const Inputs in = make_inputs(random, s);
  for (const Kernels* kernels : all_tables()) {
    const Stats whole = stats(*kernels, s, in, 0, 1);
    std::vector<float> lse(s.n);
    for (int64_t i = 0; i < s.n; ++i) lse[i] = whole.max[i] + std::log(whole.sum[i]);
    const auto run = [&](float* dx, float* dw) {
      Workspace workspace(*kernels, s, 1);
      kernels->linear_cross_entropy_grad(in.x.data(), in.w.data(), in.labels.data(), lse.data(),
                                         &in.seed, s.n, s.rows, s.d, 0, s.vocab_valid, dx, dw,
                                         false, workspace.data(), 1);
    };
    std::vector<float> dx(s.n * s.d, kNan), dw(s.rows * s.d, kNan);
    std::vector<float> dx_alone = dx, dw_alone = dw;
    run(dx.data(), dw.data());
    run(dx_alone.data(), nullptr);
    run(nullptr, dw_alone.data());
    EXPECT_TRUE(same_bits(dx_alone, dx)) << kernels->name;
    EXPECT_TRUE(same_bits(dw_alone, dw)) << kernels->name;
  }
}

// Sixteenths: every logit is exact in any order of summation, so that only what is done with
// them can differ.
Inputs make_exact_inputs(RandomInputs& random, const Shape& s) {
  Inputs in = make_inputs(random, s);
  for (float& value : in.x) value = std::round(value * 16) / 16;
  for (float& value : in.w) value = std::round(value * 16) / 16;
  return in;
}

TEST(LinearCrossEntropy, StatisticsOfATokenDependOnNothingElse) {
  RandomInputs random;
  const Shape s{700, 333, 16, 331};
  const Inputs in = make_exact_inputs(random, s);
  for (const Kernels* kernels : all_tables()) {
    SCOPED_TRACE(kernels->name);
    const Stats whole = stats(*kernels, s, in, 0, 1);
    const Stats two_threads = stats(*kernels, s, in, 0, 2);
    EXPECT_TRUE(same_bits(two_threads.max, whole.max));
    EXPECT_TRUE(same_bits(two_threads.sum, whole.sum));
    EXPECT_TRUE(same_bits(two_threads.label_logit, whole.label_logit));
    EXPECT_EQ(fused(*kernels, s, in, 1).loss, fused(*kernels, s, in, 2).loss);

    const int64_t begin = 133, count = 300;
    const Inputs cut{{in.x.begin() + begin * s.d, in.x.begin() + (begin + count) * s.d},
                     in.w,
                     {in.labels.begin() + begin, in.labels.begin() + begin + count}};
    const Stats alone = stats(*kernels, {count, s.rows, s.d, s.vocab_valid}, cut, 0, 1);
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(alone.max[i], whole.max[begin + i]);
      EXPECT_EQ(alone.sum[i], whole.sum[begin + i]);
      EXPECT_EQ(alone.label_logit[i], whole.label_logit[begin + i]);
    }
  }
}

TEST(LinearCrossEntropy, IgnoredTokensHaveNoLossAndNoGradient) {
  RandomInputs random;
  const Shape s{20, 30, 8, 30};
  Inputs in = make_inputs(random, s);
  for (int32_t& label : in.labels) label = -1;
  for (const Kernels* kernels : all_tables()) {
    const Results r = fused(*kernels, s, in, 2);
    EXPECT_EQ(r.loss, 0.0f);
    EXPECT_EQ(r.dx, std::vector<float>(s.n * s.d, 0.0f));
    EXPECT_EQ(r.dw, std::vector<float>(s.rows * s.d, 0.0f));
    const Results none = fused(*kernels, {0, s.rows, s.d, s.vocab_valid}, in, 2);
    EXPECT_EQ(none.loss, 0.0f);
    EXPECT_EQ(none.dw, std::vector<float>(s.rows * s.d, 0.0f));
  }
}

TEST(LinearCrossEntropy, AllPaddingHasEmptyStatistics) {
  RandomInputs random;
  const Shape s{5, 16, 8, 0};
  Inputs in = make_inputs(random, {5, 16, 8, 16});
  for (const Kernels* kernels : all_tables()) {
    const Stats r = stats(*kernels, s, in, 0, 2);
    EXPECT_EQ(r.max, std::vector<float>(5, -INFINITY));
    EXPECT_EQ(r.sum, std::vector<float>(5, 0.0f));
    EXPECT_EQ(r.label_logit, std::vector<float>(5, 0.0f));
  }
}

TEST(LinearCrossEntropy, LargeLogitsDoNotOverflow) {
  RandomInputs random;
  const Shape s{9, 70, 4, 70};
  Inputs in = make_inputs(random, s);
  for (float& value : in.x) value *= 3000.0f;
  const Results expected = fused(oracle_kernels(), s, in, 1);
  EXPECT_TRUE(std::isfinite(expected.loss));
  for (const Kernels* kernels : fast_tables()) {
    const Results r = fused(*kernels, s, in, 1);
    EXPECT_NEAR(r.loss, expected.loss, 1e-5 * expected.loss + 1e-2) << kernels->name;
    for (const float value : r.dx) EXPECT_TRUE(std::isfinite(value)) << kernels->name;
    for (const float value : r.dw) EXPECT_TRUE(std::isfinite(value)) << kernels->name;
  }
}

// Rows of every length modulo the widest block, with their largest logit in each place of the end.
TEST(LinearCrossEntropy, LargeLogitsAnywhereInARowDoNotOverflow) {
  RandomInputs random;
  for (int64_t vocab = 65; vocab <= 128; vocab += 9) {
    for (int64_t largest = 64; largest < vocab; ++largest) {
      const Shape s{1, vocab, 1, vocab};
      Inputs in = make_inputs(random, s);
      in.x[0] = 1;
      in.labels[0] = 0;
      in.w[static_cast<size_t>(largest)] = 200;
      for (const Kernels* kernels : fast_tables()) {
        const float loss = fused(*kernels, s, in, 1).loss;
        EXPECT_NEAR(loss, 200 - in.w[0], 1e-3) << kernels->name << " " << vocab << " " << largest;
      }
    }
  }
}

TEST(LinearCrossEntropy, NanInOneTokenIsSeenThereOnly) {
  RandomInputs random;
  const Shape s{9, 70, 4, 70};
  Inputs in = make_inputs(random, s);
  for (int32_t& label : in.labels) label = 3;
  in.x[5 * s.d] = kNan;
  for (const Kernels* kernels : all_tables()) {
    const Stats r = stats(*kernels, s, in, 0, 1);
    for (int64_t i = 0; i < s.n; ++i) EXPECT_EQ(std::isnan(r.sum[i]), i == 5) << kernels->name;
    EXPECT_TRUE(std::isnan(fused(*kernels, s, in, 1).loss)) << kernels->name;
  }
}

}  // namespace
}  // namespace tutti::cpu::linear_cross_entropy_test
