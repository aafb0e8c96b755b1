// Root-mean-square norm (Zhang and Sennrich 2019): y = x * rstd * w, rstd = 1/sqrt(mean x^2 + eps).
#include "kernels/cpu/loop.h"
#include "kernels/cpu/norm.h"

namespace tutti::cpu::TUTTI_ISA {

void rms_norm(const float* x_nd, const float* w_d, int64_t n, int64_t d, float epsilon, float* y_nd,
              float* rstd_n, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n > 1)
  for (int64_t row = 0; row < n; ++row) {
    const float* x = x_nd + row * d;
    float* y = y_nd + row * d;
    float squares[1];
    row_sums(d, squares, [=](int64_t j, auto lanes, VecF* sums) {
      const VecF v = lanes.load(x + j);
      sums[0] = fma(v, v, sums[0]);
    });
    const float rstd = 1.0f / __builtin_sqrtf(squares[0] / static_cast<float>(d) + epsilon);
    const VecF r = broadcast(rstd);
    for_each_vector(0, d, [=](int64_t j, auto lanes) {
      lanes.store(y + j, lanes.load(x + j) * r * lanes.load(w_d + j));
    });
    rstd_n[row] = rstd;
  }
}

void rms_norm_input_grad(const float* dy_nd, const float* x_nd, const float* w_d,
                         const float* rstd_n, const float* residual_nd, int64_t n, int64_t d,
                         float* dx_nd, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t row = 0; row < n; ++row) {
    const float *dy = dy_nd + row * d, *x = x_nd + row * d;
    float* dx = dx_nd + row * d;
    const VecF rstd = broadcast(rstd_n[row]);
    float sums[1];  // of dy w times the normalised x
    row_sums(d, sums, [=](int64_t j, auto lanes, VecF* partial) {
      const VecF g = lanes.load(dy + j) * lanes.load(w_d + j);
      partial[0] = fma(g, lanes.load(x + j) * rstd, partial[0]);
    });
    const VecF gx_mean = broadcast(sums[0] / static_cast<float>(d));
    auto gradient = [=](int64_t j, auto lanes) {
      const VecF g = lanes.load(dy + j) * lanes.load(w_d + j);
      return rstd * fma(-(lanes.load(x + j) * rstd), gx_mean, g);
    };
    if (residual_nd == nullptr) {
      for_each_vector(0, d,
                      [=](int64_t j, auto lanes) { lanes.store(dx + j, gradient(j, lanes)); });
    } else {
      const float* residual = residual_nd + row * d;
      for_each_vector(0, d, [=](int64_t j, auto lanes) {
        lanes.store(dx + j, gradient(j, lanes) + lanes.load(residual + j));
      });
    }
  }
}

void rms_norm_weight_grad(const float* dy_nd, const float* x_nd, const float* rstd_n, int64_t n,
                          int64_t d, float* dw_d, bool accumulate, int threads) {
  column_sums<1>(n, d, {dw_d}, accumulate, threads,
                 [=](int64_t row, int64_t j, auto lanes, VecF* sums) {
                   const VecF x = lanes.load(x_nd + row * d + j) * broadcast(rstd_n[row]);
                   sums[0] = fma(lanes.load(dy_nd + row * d + j), x, sums[0]);
                 });
}

}  // namespace tutti::cpu::TUTTI_ISA
