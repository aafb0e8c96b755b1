#include "kernels/cpu/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu::norm_test {
namespace {

using Vector = std::vector<float>;

constexpr float kEpsilon = 1e-5f;

struct Inputs {
  int64_t n, d;
  Vector x_nd, dy_nd, residual_nd, w_d, b_d;
};

Inputs random_inputs(RandomInputs& random, int64_t n, int64_t d) {
  Inputs in{n,
            d,
            random.normal(n * d, 2.0f),
            random.normal(n * d),
            random.normal(n * d),
            random.normal(d),
            random.normal(d)};
  for (float& x : in.x_nd) x += 1.0f;
  return in;
}

// Everything the norms make of rows [row, row + n): forward values and statistics, both input
// gradients; separately, the gradients that sum over rows.
struct Outputs {
  Vector y, mean, rstd, dx, dx_residual, rms_y, rms_rstd, rms_dx, rms_dx_residual;
};

Outputs run_rows(const Kernels& k, const Inputs& in, int64_t row, int64_t n, int threads) {
  const auto size = static_cast<size_t>(n * in.d), rows = static_cast<size_t>(n);
  Outputs o{Vector(size), Vector(rows), Vector(rows), Vector(size), Vector(size),
            Vector(size), Vector(rows), Vector(size), Vector(size)};
  const float *x = in.x_nd.data() + row * in.d, *dy = in.dy_nd.data() + row * in.d;
  const float* residual = in.residual_nd.data() + row * in.d;
  const float *w = in.w_d.data(), *b = in.b_d.data();
  k.layer_norm(x, w, b, n, in.d, kEpsilon, o.y.data(), o.mean.data(), o.rstd.data(), threads);
  k.layer_norm_input_grad(dy, x, w, o.mean.data(), o.rstd.data(), nullptr, n, in.d, o.dx.data(),
                          threads);
  k.layer_norm_input_grad(dy, x, w, o.mean.data(), o.rstd.data(), residual, n, in.d,
                          o.dx_residual.data(), threads);
  k.rms_norm(x, w, n, in.d, kEpsilon, o.rms_y.data(), o.rms_rstd.data(), threads);
  k.rms_norm_input_grad(dy, x, w, o.rms_rstd.data(), nullptr, n, in.d, o.rms_dx.data(), threads);
  k.rms_norm_input_grad(dy, x, w, o.rms_rstd.data(), residual, n, in.d, o.rms_dx_residual.data(),
                        threads);
  return o;
}

constexpr Vector Outputs::*kPerRow[] = {
    &Outputs::y,        &Outputs::mean,        &Outputs::rstd,
    &Outputs::dx,       &Outputs::dx_residual, &Outputs::rms_y,
    &Outputs::rms_rstd, &Outputs::rms_dx,      &Outputs::rms_dx_residual};

// layer_norm dw, db; rms_norm dw; sum_rows: each of d elements, over `start` when accumulating.
std::vector<Vector> run_sums(const Kernels& k, const Inputs& in, const Outputs& forward,
                             const Vector& start, bool accumulate, int threads) {
  std::vector<Vector> out(4, start);
  const float *x = in.x_nd.data(), *dy = in.dy_nd.data();
  k.layer_norm_weight_grad(dy, x, forward.mean.data(), forward.rstd.data(), in.n, in.d,
                           out[0].data(), out[1].data(), accumulate, threads);
  k.rms_norm_weight_grad(dy, x, forward.rms_rstd.data(), in.n, in.d, out[2].data(), accumulate,
                         threads);
  k.sum_rows(dy, in.n, in.d, out[3].data(), accumulate, threads);
  return out;
}

constexpr int64_t kShapes[][2] = {{1, 1},  {1, 7},    {3, 8},    {2, 9},   {5, 33},
                                  {4, 64}, {130, 48}, {17, 768}, {300, 5}, {3, 1531}};

TEST(Norm, FastTablesMatchTheOracle) {
  RandomInputs random;
  for (const auto& [n, d] : kShapes) {
    const Inputs in = random_inputs(random, n, d);
    const Outputs expected = run_rows(oracle_kernels(), in, 0, n, 1);
    for (const Kernels* kernels : fast_tables()) {
      const Outputs actual = run_rows(*kernels, in, 0, n, 2);
      for (const auto member : kPerRow) {
        // A row of one element has no variance: rstd and what is made of it is about 1/sqrt(eps).
        EXPECT_LT(max_relative_error(actual.*member, expected.*member), d == 1 ? 1e-3 : 1e-5)
            << kernels->name << " member " << &member - kPerRow << " of " << n << " x " << d;
      }
    }
  }
}

TEST(Norm, WeightGradientsMatchTheOracleOverwritingAndAccumulating) {
  RandomInputs random;
  for (const auto& [n, d] : kShapes) {
    const Inputs in = random_inputs(random, n, d);
    const Outputs forward = run_rows(oracle_kernels(), in, 0, n, 1);
    const Vector start = random.normal(d);
    for (const bool accumulate : {false, true}) {
      const auto expected = run_sums(oracle_kernels(), in, forward, start, accumulate, 1);
      for (const Kernels* kernels : fast_tables()) {
        const auto actual = run_sums(*kernels, in, forward, start, accumulate, 2);
        for (size_t i = 0; i < actual.size(); ++i) {
          EXPECT_LT(max_relative_error(actual[i], expected[i], std::sqrt(n)), 1e-5)
              << kernels->name << " sum " << i << " of " << n << " x " << d;
        }
      }
    }
  }
}

TEST(Norm, BitsDependNeitherOnThreadsNorOnOtherRows) {
  RandomInputs random;
  for (const auto& [n, d] : kShapes) {
    const Inputs in = random_inputs(random, n, d);
    for (const Kernels* kernels : all_tables()) {
      const Outputs whole = run_rows(*kernels, in, 0, n, 1);
      const Outputs two_threads = run_rows(*kernels, in, 0, n, 2);
      const int64_t first = n / 3, rows = n - first;
      const Outputs part = run_rows(*kernels, in, first, rows, 1);
      for (const auto member : kPerRow) {
        EXPECT_TRUE(same_bits(two_threads.*member, whole.*member)) << kernels->name;
        const std::span<const float> all(whole.*member), cut(part.*member);
        EXPECT_TRUE(same_bits(cut, all.last(cut.size()))) << kernels->name;
      }
      const Vector start(static_cast<size_t>(d), 1.0f);
      const auto sums = run_sums(*kernels, in, whole, start, true, 1);
      for (const int threads : {2, 5}) {
        const auto others = run_sums(*kernels, in, whole, start, true, threads);
        for (size_t i = 0; i < sums.size(); ++i) EXPECT_TRUE(same_bits(others[i], sums[i]));
      }
    }
  }
}

TEST(Norm, InputGradientMayAliasItsInputs) {
  RandomInputs random;
  const Inputs in = random_inputs(random, 6, 77);
  for (const Kernels* kernels : all_tables()) {
    const Outputs o = run_rows(*kernels, in, 0, in.n, 1);
    Vector over_residual = in.residual_nd, over_dy = in.dy_nd;
    kernels->layer_norm_input_grad(in.dy_nd.data(), in.x_nd.data(), in.w_d.data(), o.mean.data(),
                                   o.rstd.data(), over_residual.data(), in.n, in.d,
                                   over_residual.data(), 1);
    EXPECT_TRUE(same_bits(over_residual, o.dx_residual)) << kernels->name;
    kernels->rms_norm_input_grad(over_dy.data(), in.x_nd.data(), in.w_d.data(), o.rms_rstd.data(),
                                 nullptr, in.n, in.d, over_dy.data(), 1);
    EXPECT_TRUE(same_bits(over_dy, o.rms_dx)) << kernels->name;
  }
}

TEST(Norm, LayerNormSurvivesALargeMean) {
  RandomInputs random;
  Inputs in = random_inputs(random, 3, 512);
  for (float& x : in.x_nd) x += 4096.0f;
  const Outputs expected = run_rows(oracle_kernels(), in, 0, 3, 1);
  for (const Kernels* kernels : fast_tables()) {
    const Outputs actual = run_rows(*kernels, in, 0, 3, 1);
    EXPECT_LT(max_relative_error(actual.y, expected.y), 2e-3) << kernels->name;
    EXPECT_LT(max_relative_error(actual.rstd, expected.rstd), 1e-4) << kernels->name;
  }
}

using Loss = std::function<double(const std::vector<double>& x, const std::vector<double>& w)>;

// sum of dy * norm(x) w (+ b, which no gradient of x or w sees)
Loss norm_loss(const Inputs& in, bool centred) {
  return [&in, centred](const std::vector<double>& x, const std::vector<double>& w) {
    double loss = 0;
    for (int64_t i = 0; i < in.n; ++i) {
      const double* row = x.data() + i * in.d;
      double mean = 0, square = 0;
      for (int64_t j = 0; j < in.d && centred; ++j) mean += row[j] / static_cast<double>(in.d);
      for (int64_t j = 0; j < in.d; ++j) square += (row[j] - mean) * (row[j] - mean);
      const double rstd = 1 / std::sqrt(square / static_cast<double>(in.d) + kEpsilon);
      for (int64_t j = 0; j < in.d; ++j) {
        loss += in.dy_nd[i * in.d + j] * (row[j] - mean) * rstd * w[j];
      }
    }
    return loss;
  };
}

void expect_gradients(const Inputs& in, const Loss& loss, const Vector& dx, const Vector& dw) {
  constexpr double kStep = 1e-4;
  std::vector<double> x(in.x_nd.begin(), in.x_nd.end()), w(in.w_d.begin(), in.w_d.end());
  const auto slope = [&](double& value) {
    const double old = value;
    value = old + kStep;
    const double above = loss(x, w);
    value = old - kStep;
    const double below = loss(x, w);
    value = old;
    return (above - below) / (2 * kStep);
  };
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(dx[i], slope(x[i]), 2e-5 * (1 + std::abs(dx[i])));
  for (size_t j = 0; j < w.size(); ++j)
    EXPECT_NEAR(dw[j], slope(w[j]), 2e-5 * (1 + std::abs(dw[j])));
}

TEST(Norm, OracleGradientsAreFiniteDifferences) {
  RandomInputs random;
  const Inputs in = random_inputs(random, 4, 13);
  const Outputs o = run_rows(oracle_kernels(), in, 0, in.n, 1);
  const auto sums = run_sums(oracle_kernels(), in, o, Vector(13), false, 1);
  expect_gradients(in, norm_loss(in, true), o.dx, sums[0]);
  expect_gradients(in, norm_loss(in, false), o.rms_dx, sums[2]);
}

}  // namespace
}  // namespace tutti::cpu::norm_test
