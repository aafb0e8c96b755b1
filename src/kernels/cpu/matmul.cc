#include "kernels/cpu/matmul.h"

#include "kernels/cpu/gemv.h"
#include "kernels/cpu/sgemm_onednn.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

// c = bias, or c += bias: the product is then added to it. Done first, because oneDNN knows no bias
// here and c is written once more in either order.
void start_with_bias(const Matmul& p, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < p.m; ++i) {
    float* c = p.c + i * p.ldc;
    if (p.accumulate) {
      for (int64_t j = 0; j < p.n; ++j) c[j] += p.bias_n[j];
    } else {
      for (int64_t j = 0; j < p.n; ++j) c[j] = p.bias_n[j];
    }
  }
}

void clear(const Matmul& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.ldc + j] = 0.0f;
  }
}

bool is_one_token(const Matmul& p) { return p.m == 1 && !p.transpose_a && p.transpose_b; }

void multiply_one_token(const Matmul& p, int threads) {
  gemv(p.b, p.ldb, p.a, p.n, p.k, threads, [c = p.c, bias = p.bias_n, add = p.accumulate](
                                               int64_t j, float dot) {
    if (bias != nullptr) dot += bias[j];
    c[j] = add ? c[j] + dot : dot;
  });
}

}  // namespace

size_t matmul_workspace_bytes(const Matmul&, int) { return 0; }

void matmul(const Matmul& problem, void*, int threads) {
  if (problem.m == 0 || problem.n == 0) return;
  if (is_one_token(problem)) return multiply_one_token(problem, threads);
  Matmul p = problem;
  if (p.bias_n != nullptr) {
    start_with_bias(p, threads);
    p.accumulate = true;
  }
  if (p.k > 0) {
    onednn_sgemm(p, threads);
  } else if (!p.accumulate) {
    clear(p);  // an empty sum; oneDNN would leave c as it was
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
