// One token at a time, in double precision: its logits, and then their gradient in their place, lie
// in the workspace, behind them the gradient of x.
#include <cmath>

#include "kernels/cpu/linear_cross_entropy.h"

namespace tutti::cpu::oracle {
namespace {

struct Stats {
  double max, sum;
};

// How many of the local rows are not padding.
int64_t valid_rows(int64_t rows, int64_t first_row, int64_t vocab_valid) {
  const int64_t valid = vocab_valid - first_row;
  return valid < 0 ? 0 : valid < rows ? valid : rows;
}

void compute_logits(const float* x_d, const float* w_vd, int64_t rows, int64_t d, double* logits) {
  for (int64_t v = 0; v < rows; ++v) {
    double total = 0.0;
    for (int64_t j = 0; j < d; ++j) total += static_cast<double>(x_d[j]) * w_vd[v * d + j];
    logits[v] = total;
  }
}

Stats stats_of(const double* logits, int64_t rows) {
  Stats stats{-INFINITY, 0.0};
  for (int64_t v = 0; v < rows; ++v) stats.max = std::fmax(stats.max, logits[v]);
  for (int64_t v = 0; v < rows; ++v) stats.sum += std::exp(logits[v] - stats.max);
  return stats;
}

// `label` is a local row, or none of them.
void to_gradient(double* logits, double lse, int64_t label, double seed, int64_t rows) {
  for (int64_t v = 0; v < rows; ++v) {
    logits[v] = seed * (std::exp(logits[v] - lse) - (v == label ? 1.0 : 0.0));
  }
}

void add_input_grad(const double* g, const float* w_vd, int64_t rows, int64_t d, double* total_d,
                    float* dx_d) {
  for (int64_t j = 0; j < d; ++j) total_d[j] = 0.0;
  for (int64_t v = 0; v < rows; ++v) {
    for (int64_t j = 0; j < d; ++j) total_d[j] += g[v] * w_vd[v * d + j];
  }
  for (int64_t j = 0; j < d; ++j) dx_d[j] = static_cast<float>(total_d[j]);
}

void add_weight_grad(const double* g, const float* x_d, int64_t rows, int64_t d, float* dw_vd) {
  for (int64_t v = 0; v < rows; ++v) {
    for (int64_t j = 0; j < d; ++j) dw_vd[v * d + j] += static_cast<float>(g[v] * x_d[j]);
  }
}

void clear(float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = 0.0f;
}

}  // namespace

size_t linear_cross_entropy_workspace_bytes(int64_t, int64_t rows, int64_t d, int) {
  return static_cast<size_t>(rows + d) * sizeof(double);
}

void logits_stats(const float* x_nd, const float* w_vd, const int32_t* labels_n, int64_t n,
                  int64_t rows, int64_t d, int64_t first_row, int64_t vocab_valid, float* max_n,
                  float* sum_n, float* label_logit_n, void* workspace, int) {
  double* logits = static_cast<double*>(workspace);
  rows = valid_rows(rows, first_row, vocab_valid);
  for (int64_t i = 0; i < n; ++i) {
    compute_logits(x_nd + i * d, w_vd, rows, d, logits);
    const Stats stats = stats_of(logits, rows);
    const int64_t label = labels_n[i] - first_row;
    const bool here = labels_n[i] >= 0 && label >= 0 && label < rows;
    max_n[i] = static_cast<float>(stats.max);
    sum_n[i] = static_cast<float>(stats.sum);
    label_logit_n[i] = here ? static_cast<float>(logits[label]) : 0.0f;
  }
}

void linear_cross_entropy_grad(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                               const float* lse_n, const float* seed, int64_t n, int64_t rows,
                               int64_t d, int64_t first_row, int64_t vocab_valid, float* dx_nd,
                               float* dw_vd, bool accumulate_dw, void* workspace, int) {
  double* logits = static_cast<double*>(workspace);
  double* total_d = logits + rows;
  if (dw_vd != nullptr && !accumulate_dw) clear(dw_vd, rows * d);
  if (dx_nd != nullptr) clear(dx_nd, n * d);
  rows = valid_rows(rows, first_row, vocab_valid);
  for (int64_t i = 0; i < n; ++i) {
    if (labels_n[i] < 0) continue;
    compute_logits(x_nd + i * d, w_vd, rows, d, logits);
    to_gradient(logits, lse_n[i], labels_n[i] - first_row, *seed, rows);
    if (dx_nd != nullptr) add_input_grad(logits, w_vd, rows, d, total_d, dx_nd + i * d);
    if (dw_vd != nullptr) add_weight_grad(logits, x_nd + i * d, rows, d, dw_vd);
  }
}

void linear_cross_entropy_fused(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                                const float* seed, int64_t n, int64_t rows, int64_t d,
                                int64_t vocab_valid, float* loss, bool accumulate_loss,
                                float* dx_nd, float* dw_vd, bool accumulate_dw, void* workspace,
                                int) {
  double* logits = static_cast<double*>(workspace);
  double* total_d = logits + rows;
  double total_loss = accumulate_loss ? *loss : 0.0;
  if (!accumulate_dw) clear(dw_vd, rows * d);
  clear(dx_nd, n * d);
  rows = valid_rows(rows, 0, vocab_valid);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = labels_n[i];
    if (label < 0) continue;
    compute_logits(x_nd + i * d, w_vd, rows, d, logits);
    const Stats stats = stats_of(logits, rows);
    const double lse = stats.max + std::log(stats.sum);
    total_loss += lse - (label < rows ? logits[label] : 0.0);
    to_gradient(logits, lse, label, *seed, rows);
    add_input_grad(logits, w_vd, rows, d, total_d, dx_nd + i * d);
    add_weight_grad(logits, x_nd + i * d, rows, d, dw_vd);
  }
  *loss = static_cast<float>(total_loss);
}

}  // namespace tutti::cpu::oracle
