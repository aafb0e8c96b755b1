// Layer norm (Ba, Kiros and Hinton 2016): y = (x - mean) * rstd * w + b over d.
#include "kernels/cpu/loop.h"
#include "kernels/cpu/norm.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

// The mean, then the variance about it: one pass over both would lose digits when the mean is
// large. The row stays in the cache.
TUTTI_INLINE void row_statistics(const float* x, int64_t d, float epsilon, float& mean,
                                 float& rstd) {
  float total[1];
  row_sums(d, total, [=](int64_t j, auto lanes, VecF* sums) { sums[0] += lanes.load(x + j); });
  mean = total[0] / static_cast<float>(d);
  const VecF m = broadcast(mean);
  row_sums(d, total, [=](int64_t j, auto lanes, VecF* sums) {
    const VecF centred = lanes.keep(lanes.load(x + j) - m);
    sums[0] = fma(centred, centred, sums[0]);
  });
  rstd = 1.0f / __builtin_sqrtf(total[0] / static_cast<float>(d) + epsilon);
}

}  // namespace

void layer_norm(const float* x_nd, const float* w_d, const float* b_d, int64_t n, int64_t d,
                float epsilon, float* y_nd, float* mean_n, float* rstd_n, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n > 1)
  for (int64_t row = 0; row < n; ++row) {
    const float* x = x_nd + row * d;
    float* y = y_nd + row * d;
    float mean, rstd;
    row_statistics(x, d, epsilon, mean, rstd);
    const VecF m = broadcast(mean), r = broadcast(rstd);
    for_each_vector(0, d, [=](int64_t j, auto lanes) {
      const VecF normal = (lanes.load(x + j) - m) * r;
      lanes.store(y + j, fma(normal, lanes.load(w_d + j), lanes.load(b_d + j)));
    });
    mean_n[row] = mean;
    rstd_n[row] = rstd;
  }
}

void layer_norm_input_grad(const float* dy_nd, const float* x_nd, const float* w_d,
                           const float* mean_n, const float* rstd_n, const float* residual_nd,
                           int64_t n, int64_t d, float* dx_nd, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t row = 0; row < n; ++row) {
    const float *dy = dy_nd + row * d, *x = x_nd + row * d;
    float* dx = dx_nd + row * d;
    const VecF mean = broadcast(mean_n[row]), rstd = broadcast(rstd_n[row]);
    float sums[2];  // of dy w, and of dy w times the normalised x
    row_sums(d, sums, [=](int64_t j, auto lanes, VecF* partial) {
      const VecF g = lanes.load(dy + j) * lanes.load(w_d + j);
      partial[0] += g;
      partial[1] = fma(g, (lanes.load(x + j) - mean) * rstd, partial[1]);
    });
    const VecF g_mean = broadcast(sums[0] / static_cast<float>(d));
    const VecF gx_mean = broadcast(sums[1] / static_cast<float>(d));
    auto gradient = [=](int64_t j, auto lanes) {
      const VecF g = lanes.load(dy + j) * lanes.load(w_d + j);
      const VecF normal = (lanes.load(x + j) - mean) * rstd;
      return rstd * fma(-normal, gx_mean, g - g_mean);
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

void layer_norm_weight_grad(const float* dy_nd, const float* x_nd, const float* mean_n,
                            const float* rstd_n, int64_t n, int64_t d, float* dw_d, float* db_d,
                            bool accumulate, int threads) {
  column_sums<2>(n, d, {dw_d, db_d}, accumulate, threads,
                 [=](int64_t row, int64_t j, auto lanes, VecF* sums) {
                   const VecF mean = broadcast(mean_n[row]), rstd = broadcast(rstd_n[row]);
                   const VecF dy = lanes.load(dy_nd + row * d + j);
                   const VecF x = lanes.load(x_nd + row * d + j);
                   sums[0] = fma(dy, (x - mean) * rstd, sums[0]);
                   sums[1] += dy;
                 });
}

}  // namespace tutti::cpu::TUTTI_ISA
