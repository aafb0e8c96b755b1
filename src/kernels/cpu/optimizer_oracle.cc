#include "kernels/cpu/optimizer.h"

#include <algorithm>
#include <cmath>

namespace tutti::cpu::oracle {

void sum_squares(const float* x, int64_t count, double* out, bool accumulate, int) {
  constexpr int64_t kBlock = 4096;
  double total = accumulate ? *out : 0.0;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    double block = 0;
    for (int64_t i = begin; i < std::min(begin + kBlock, count); ++i) {
      block += static_cast<double>(x[i]) * x[i];
    }
    total += block;
  }
  *out = total;
}

void adamw(float* p, float* m, float* v, const float* grad, const float* grad_scale,
           const float* skip, int64_t count, const AdamW& config, int) {
  if (*skip != 0.0f) return;
  const double lr = config.lr, beta1 = config.beta1, beta2 = config.beta2;
  for (int64_t i = 0; i < count; ++i) {
    const double g = static_cast<double>(*grad_scale) * grad[i];
    const double decayed = p[i] - lr * config.weight_decay * p[i];
    const double m_new = beta1 * m[i] + (1.0 - beta1) * g;
    const double v_new = beta2 * v[i] + (1.0 - beta2) * g * g;
    const double denominator =
        std::sqrt(v_new) / std::sqrt(static_cast<double>(config.bias_correction2)) + config.epsilon;
    m[i] = static_cast<float>(m_new);
    v[i] = static_cast<float>(v_new);
    p[i] = static_cast<float>(decayed - lr / config.bias_correction1 * m_new / denominator);
  }
}

}  // namespace tutti::cpu::oracle
