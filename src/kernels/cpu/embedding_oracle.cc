#include "kernels/cpu/embedding.h"
#include "tensor/float_conversion.h"

namespace tutti::cpu::oracle {

void embedding(const int32_t* ids_n, const float* w_vd, int64_t n, int64_t rows, int64_t d,
               int64_t first_row, float* out_nd, int) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = ids_n[i] - first_row;
    const bool here = row >= 0 && row < rows;
    for (int64_t j = 0; j < d; ++j) out_nd[i * d + j] = here ? w_vd[row * d + j] : 0.0f;
  }
}

void embedding_bf16(const int32_t* ids_n, const uint16_t* w_vd, int64_t n, int64_t rows, int64_t d,
                    int64_t first_row, float* out_nd, int) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = ids_n[i] - first_row;
    const bool here = row >= 0 && row < rows;
    for (int64_t j = 0; j < d; ++j) {
      out_nd[i * d + j] = here ? bf16_to_f32(w_vd[row * d + j]) : 0.0f;
    }
  }
}

void embedding_grad(const int32_t* ids_n, const float* dy_nd, int64_t n, int64_t rows, int64_t d,
                    int64_t first_row, float* dw_vd, bool accumulate, int) {
  if (!accumulate) {
    for (int64_t i = 0; i < rows * d; ++i) dw_vd[i] = 0.0f;
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = ids_n[i] - first_row;
    if (row < 0 || row >= rows) continue;
    for (int64_t j = 0; j < d; ++j) dw_vd[row * d + j] += dy_nd[i * d + j];
  }
}

}  // namespace tutti::cpu::oracle
