// Every element is one dot product in double precision, rounded once.
#include "kernels/cpu/linear_bf16.h"
#include "tensor/float_conversion.h"

namespace tutti::cpu::oracle {

size_t linear_bf16_workspace_bytes(int64_t, int64_t, int64_t, int) { return 0; }

void linear_bf16(const float* x_mk, const uint16_t* w_nk, const float* bias_n, int64_t m, int64_t n,
                 int64_t k, float* y_mn, void*, int) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double total = bias_n == nullptr ? 0.0 : bias_n[j];
      for (int64_t l = 0; l < k; ++l) {
        total += static_cast<double>(x_mk[i * k + l]) * bf16_to_f32(w_nk[j * k + l]);
      }
      y_mn[i * n + j] = static_cast<float>(total);
    }
  }
}

}  // namespace tutti::cpu::oracle
