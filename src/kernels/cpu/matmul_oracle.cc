// Every element is one dot product in double precision, rounded once.
#include "kernels/cpu/matmul.h"

namespace tutti::cpu::oracle {

size_t matmul_workspace_bytes(const Matmul&, int) { return 0; }

void matmul(const Matmul& p, void*, int) {
  const int64_t a_row = p.transpose_a ? 1 : p.lda, a_column = p.transpose_a ? p.lda : 1;
  const int64_t b_row = p.transpose_b ? 1 : p.ldb, b_column = p.transpose_b ? p.ldb : 1;
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) {
      float& c = p.c[i * p.ldc + j];
      double total = p.accumulate ? c : 0.0;
      if (p.bias_n != nullptr) total += p.bias_n[j];
      for (int64_t l = 0; l < p.k; ++l) {
        total += static_cast<double>(p.a[i * a_row + l * a_column]) * p.b[l * b_row + j * b_column];
      }
      c = static_cast<float>(total);
    }
  }
}

}  // namespace tutti::cpu::oracle
