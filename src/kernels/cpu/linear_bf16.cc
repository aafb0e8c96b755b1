#include "kernels/cpu/linear_bf16.h"

#include "kernels/cpu/bf16_onednn.h"
#include "kernels/cpu/gemv.h"
#include "kernels/cpu/matmul.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr int64_t kPanelFloats = 1 << 21;  // 8 MiB: large enough for the full rate of a product
constexpr int64_t kPanelRowsMin = 64;
constexpr int64_t kTerms = 3;

struct Product {
  const float* x_mk;
  const uint16_t* w_nk;
  const float* bias_n;
  int64_t m, n, k;
  float* y_mn;
};

// Rows of the weight that are widened at once.
int64_t panel_rows(int64_t n, int64_t k) {
  const int64_t fitting = k > 0 ? kPanelFloats / k : n;
  const int64_t rows = fitting < kPanelRowsMin ? kPanelRowsMin : fitting;
  return rows < n ? rows : n;
}

void widen(const uint16_t* w, int64_t rows, int64_t k, float* out, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* from = w + row * k;
    float* to = out + row * k;
    for_each_vector(0, k, [=](int64_t i, auto lanes) { lanes.store(to + i, lanes.load(from + i)); });
  }
}

void multiply_panels(const Product& p, void* workspace, int threads) {
  float* const panel = static_cast<float*>(workspace);
  const int64_t rows = panel_rows(p.n, p.k);
  for (int64_t j = 0; j < p.n; j += rows) {
    const int64_t count = j + rows < p.n ? rows : p.n - j;
    widen(p.w_nk + j * p.k, count, p.k, panel, threads);
    matmul({.m = p.m,
            .n = count,
            .k = p.k,
            .a = p.x_mk,
            .lda = p.k,
            .transpose_a = false,
            .b = panel,
            .ldb = p.k,
            .transpose_b = true,
            .c = p.y_mn + j,
            .ldc = p.n,
            .bias_n = p.bias_n == nullptr ? nullptr : p.bias_n + j},
           nullptr, threads);
  }
}

bool has_amx() { return kLanes == 16 && onednn_has_amx(); }

Bf16Product parts_product(int64_t m, int64_t n, int64_t k) {
  return {.m = m, .n = n, .k = k, .terms = kTerms, .x_tmk = nullptr, .w_nk = nullptr,
          .y_mn = nullptr};
}

// The parts of x lie at the start of the workspace.
int64_t parts_bytes(int64_t m, int64_t k) {
  return (kTerms * m * k * static_cast<int64_t>(sizeof(uint16_t)) + 63) / 64 * 64;
}

// x is the sum of its parts: each holds the next 8 of the 24 bits, and what is left is exact. The
// smallest comes first, as it is added first.
void split(const float* x, int64_t count, uint16_t* parts, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    VecF rest = lanes.load(x + i);
    for (int64_t term = kTerms - 1; term >= 0; --term) {
      lanes.store_truncated(parts + term * count + i, rest);
      rest -= (VecF)((VecU)rest & 0xffff0000u);
    }
  });
}

void start(const Product& p, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t i = 0; i < p.m; ++i) {
    float* const y = p.y_mn + i * p.n;
    for (int64_t j = 0; j < p.n; ++j) y[j] = p.bias_n == nullptr ? 0.0f : p.bias_n[j];
  }
}

void multiply_parts(const Product& p, void* workspace, int threads) {
  auto* const parts = static_cast<uint16_t*>(workspace);
  split(p.x_mk, p.m * p.k, parts, threads);
  start(p, threads);
  Bf16Product product = parts_product(p.m, p.n, p.k);
  product.x_tmk = parts;
  product.w_nk = p.w_nk;
  product.y_mn = p.y_mn;
  void* const rest = static_cast<char*>(workspace) + parts_bytes(p.m, p.k);
  onednn_add_bf16_products(product, rest, threads);
}

}  // namespace

size_t linear_bf16_workspace_bytes(int64_t m, int64_t n, int64_t k, int threads) {
  if (m <= 1 || n == 0 || k == 0) return 0;
  if (!has_amx()) return static_cast<size_t>(panel_rows(n, k) * k) * sizeof(float);
  return static_cast<size_t>(parts_bytes(m, k)) +
         onednn_bf16_workspace_bytes(parts_product(m, n, k), threads);
}

void linear_bf16(const float* x_mk, const uint16_t* w_nk, const float* bias_n, int64_t m, int64_t n,
                 int64_t k, float* y_mn, void* workspace, int threads) {
  if (m == 0 || n == 0) return;
  const Product product{x_mk, w_nk, bias_n, m, n, k, y_mn};
  if (m == 1) {
    gemv(w_nk, k, x_mk, n, k, threads, [=](int64_t j, float dot) {
      y_mn[j] = bias_n == nullptr ? dot : dot + bias_n[j];
    });
  } else if (k > 0 && has_amx()) {
    multiply_parts(product, workspace, threads);
  } else {
    multiply_panels(product, workspace, threads);
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
