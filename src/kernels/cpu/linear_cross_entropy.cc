// Tokens are taken in chunks: logits of a chunk by one matrix product, then row by row what the
// loss and its gradient need, then the products of the gradient with w and x. The gradient lies
// where the logits were.
//
// Padding rows of w are left out of the products: their gradient is zero.
#include "kernels/cpu/linear_cross_entropy.h"

#include <math.h>

#include "kernels/cpu/logits_row.h"
#include "kernels/cpu/matmul.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

// Large, so that w and dw, which pass through the caches once a chunk, are paid for: at GPT-2's
// sizes 128 tokens are 8 % slower and 1024 no faster.
constexpr int64_t kChunkTokensMax = 512;

struct Problem {
  const float* x_nd;
  const float* w_vd;
  const int32_t* labels_n;
  int64_t n, rows, d, first_row;
  int64_t valid;     // rows that are not padding
  float* logits_cv;  // [chunk][logits_row]
  double* loss_c;
  int threads;
};

struct Chunk {
  int64_t begin, count;
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Chunks are of equal size but for the last: 600 tokens are 300 and 300.
int64_t chunk_tokens(int64_t n) { return n <= 0 ? 0 : divide_up(n, divide_up(n, kChunkTokensMax)); }

// Elements between the logits of consecutive tokens: rows begin at a cache line.
int64_t logits_row(int64_t rows) { return divide_up(rows, kCacheLine) * kCacheLine; }

// How many of the local rows are not padding.
int64_t valid_rows(int64_t rows, int64_t first_row, int64_t vocab_valid) {
  const int64_t valid = vocab_valid - first_row;
  return valid < 0 ? 0 : valid < rows ? valid : rows;
}

Problem make_problem(const float* x_nd, const float* w_vd, const int32_t* labels_n, int64_t n,
                     int64_t rows, int64_t d, int64_t first_row, int64_t vocab_valid,
                     void* workspace, int threads) {
  float* logits = static_cast<float*>(workspace);
  return {.x_nd = x_nd,
          .w_vd = w_vd,
          .labels_n = labels_n,
          .n = n,
          .rows = rows,
          .d = d,
          .first_row = first_row,
          .valid = valid_rows(rows, first_row, vocab_valid),
          .logits_cv = logits,
          .loss_c = reinterpret_cast<double*>(logits + chunk_tokens(n) * logits_row(rows)),
          .threads = threads};
}

template <typename Body>
void for_each_chunk(const Problem& p, Body body) {
  const int64_t tokens = chunk_tokens(p.n);
  for (int64_t begin = 0; begin < p.n; begin += tokens) {
    body(Chunk{begin, begin + tokens < p.n ? tokens : p.n - begin});
  }
}

// The label's place among the local rows, or -1.
int64_t local_label(const Problem& p, int64_t token) {
  const int64_t label = p.labels_n[token] - p.first_row;
  return p.labels_n[token] >= 0 && label >= 0 && label < p.valid ? label : -1;
}

void compute_logits(const Problem& p, Chunk chunk) {
  matmul({.m = chunk.count,
          .n = p.valid,
          .k = p.d,
          .a = p.x_nd + chunk.begin * p.d,
          .lda = p.d,
          .transpose_a = false,
          .b = p.w_vd,
          .ldb = p.d,
          .transpose_b = true,
          .c = p.logits_cv,
          .ldc = logits_row(p.rows)},
         nullptr, p.threads);
}

// dx = g w and dw (+)= g^T x of a chunk, g being where the logits were; either may be null.
void multiply_gradient(const Problem& p, Chunk chunk, float* dx_nd, float* dw_vd,
                       bool accumulate_dw) {
  const int64_t g_row = logits_row(p.rows);
  if (dx_nd != nullptr) {
    matmul({.m = chunk.count,
            .n = p.d,
            .k = p.valid,
            .a = p.logits_cv,
            .lda = g_row,
            .transpose_a = false,
            .b = p.w_vd,
            .ldb = p.d,
            .transpose_b = false,
            .c = dx_nd + chunk.begin * p.d,
            .ldc = p.d},
           nullptr, p.threads);
  }
  if (dw_vd != nullptr) {
    matmul({.m = p.valid,
            .n = p.d,
            .k = chunk.count,
            .a = p.logits_cv,
            .lda = g_row,
            .transpose_a = true,
            .b = p.x_nd + chunk.begin * p.d,
            .ldb = p.d,
            .transpose_b = false,
            .c = dw_vd,
            .ldc = p.d,
            .accumulate = accumulate_dw || chunk.begin > 0},
           nullptr, p.threads);
  }
}

// What no product writes: the padding, or all of dw when there are no tokens.
void clear_rest(const Problem& p, float* dw_vd) {
  const int64_t written = p.n > 0 ? p.valid : 0;
  __builtin_memset(dw_vd + written * p.d, 0,
                   static_cast<size_t>((p.rows - written) * p.d) * sizeof(float));
}

void clear_row(float* row, int64_t count) {
  __builtin_memset(row, 0, static_cast<size_t>(count) * sizeof(float));
}

// Turns the logits of a token into their gradient and returns the token's loss.
double loss_and_gradient_row(float* row, int64_t count, int64_t label, float seed) {
  const float label_logit = label >= 0 ? row[label] : 0.0f;
  const RowStats stats = row_stats<true>(row, count);
  scale_row(row, count, static_cast<float>(seed / stats.sum));
  if (label >= 0) row[label] -= seed;
  return ::log(stats.sum) + (static_cast<double>(stats.max) - label_logit);
}

}  // namespace

size_t linear_cross_entropy_workspace_bytes(int64_t n, int64_t rows, int64_t, int) {
  const size_t tokens = static_cast<size_t>(chunk_tokens(n));
  return tokens * (static_cast<size_t>(logits_row(rows)) * sizeof(float) + sizeof(double));
}

void logits_stats(const float* x_nd, const float* w_vd, const int32_t* labels_n, int64_t n,
                  int64_t rows, int64_t d, int64_t first_row, int64_t vocab_valid, float* max_n,
                  float* sum_n, float* label_logit_n, void* workspace, int threads) {
  const Problem p =
      make_problem(x_nd, w_vd, labels_n, n, rows, d, first_row, vocab_valid, workspace, threads);
  for_each_chunk(p, [&](Chunk chunk) {
    compute_logits(p, chunk);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < chunk.count; ++i) {
      float* row = p.logits_cv + i * logits_row(rows);
      const int64_t token = chunk.begin + i, label = local_label(p, token);
      const RowStats stats = row_stats<false>(row, p.valid);
      max_n[token] = stats.max;
      sum_n[token] = static_cast<float>(stats.sum);
      label_logit_n[token] = label >= 0 ? row[label] : 0.0f;
    }
  });
}

void linear_cross_entropy_grad(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                               const float* lse_n, const float* seed, int64_t n, int64_t rows,
                               int64_t d, int64_t first_row, int64_t vocab_valid, float* dx_nd,
                               float* dw_vd, bool accumulate_dw, void* workspace, int threads) {
  const Problem p =
      make_problem(x_nd, w_vd, labels_n, n, rows, d, first_row, vocab_valid, workspace, threads);
  for_each_chunk(p, [&](Chunk chunk) {
    compute_logits(p, chunk);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < chunk.count; ++i) {
      float* row = p.logits_cv + i * logits_row(rows);
      const int64_t token = chunk.begin + i, label = local_label(p, token);
      if (labels_n[token] < 0) {
        clear_row(row, p.valid);
        continue;
      }
      scaled_softmax_row(row, p.valid, lse_n[token], *seed);
      if (label >= 0) row[label] -= *seed;
    }
    multiply_gradient(p, chunk, dx_nd, dw_vd, accumulate_dw);
  });
  if (dw_vd != nullptr && !accumulate_dw) clear_rest(p, dw_vd);
}

void linear_cross_entropy_fused(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                                const float* seed, int64_t n, int64_t rows, int64_t d,
                                int64_t vocab_valid, float* loss, bool accumulate_loss,
                                float* dx_nd, float* dw_vd, bool accumulate_dw, void* workspace,
                                int threads) {
  const Problem p =
      make_problem(x_nd, w_vd, labels_n, n, rows, d, 0, vocab_valid, workspace, threads);
  double total_loss = accumulate_loss ? *loss : 0.0;
  for_each_chunk(p, [&](Chunk chunk) {
    compute_logits(p, chunk);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < chunk.count; ++i) {
      float* row = p.logits_cv + i * logits_row(rows);
      const int64_t token = chunk.begin + i;
      p.loss_c[i] = 0.0;
      if (labels_n[token] < 0) {
        clear_row(row, p.valid);
      } else {
        p.loss_c[i] = loss_and_gradient_row(row, p.valid, local_label(p, token), *seed);
      }
    }
    for (int64_t i = 0; i < chunk.count; ++i) total_loss += p.loss_c[i];
    multiply_gradient(p, chunk, dx_nd, dw_vd, accumulate_dw);
  });
  if (!accumulate_dw) clear_rest(p, dw_vd);
  *loss = static_cast<float>(total_loss);
}

}  // namespace tutti::cpu::TUTTI_ISA
