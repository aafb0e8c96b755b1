// The CPU kernels as one table of typed functions. There are four instances of the table: the plain
// oracle, and one code base compiled for portable x86-64, x86-64-v3 (AVX2, FMA) and x86-64-v4
// (AVX-512). All have the same semantics; tests hold each against the oracle.
//
// Contract of every kernel: dense row-major operands unless a stride is given; nothing is allocated
// (scratch comes in as `workspace`, whose size the *_workspace_bytes function tells); no
// communication and no knowledge of ranks; `threads` OpenMP threads are used inside. Except for
// matrix products by oneDNN (of more than one row), results do not depend on `threads`, and do not
// depend on which other rows are in the call for the dims that are not reduced. Tails of vectors
// are masked, not peeled, so the position of an element in a vector does not change its bits.
//
// Shape suffixes: n tokens (batch * seq), d embed, v vocabulary rows, b batch, s query positions,
// t key positions, h kv_heads, g group (queries per key head), k head_dim.
// `accumulate`: false overwrites the output, true adds to it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/rng.h"

namespace tutti::cpu {

// c_mn (+)= op(a) * op(b). Row-major; op(a) is m x k: a[m][k] with leading dimension lda, or, when
// transpose_a, a[k][m]. Likewise b. Bias, when not null, is added to each row (bias_n).
struct Matmul {
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  bool transpose_a;
  const float* b;
  int64_t ldb;
  bool transpose_b;
  float* c;
  int64_t ldc;
  const float* bias_n = nullptr;
  bool accumulate = false;
};

// Dropout of attention's weights: one is zero with probability p, else multiplied by 1 / (1 - p).
// The number of weight (b, h, g, s, t) is word t % 4 of the counter row * ceil(keys / 4) + t / 4,
// where row = ((b * kv_heads + h) * group + g) * queries + s: all indices are those of the logical
// tensor, of which this call has the block that begins at the offsets. s and t are positions.
struct AttentionDropout {
  float p = 0;  // 0: none
  RngKey key;
  int64_t kv_heads = 0, group = 0, queries = 0, keys = 0;  // of the logical tensor
  int64_t b0 = 0, h0 = 0, g0 = 0, s0 = 0, t0 = 0;          // offsets of batch, ... , key

  uint64_t first_counter(int64_t b, int64_t h, int64_t g, int64_t s) const {
    const int64_t row = (((b + b0) * kv_heads + h + h0) * group + g + g0) * queries + s + s0;
    return static_cast<uint64_t>(row) * static_cast<uint64_t>((keys + 3) / 4);
  }
};

// Queries or keys of a call that are not consecutive rows at consecutive positions: runs of those
// that are, by ascending position. Index first + i of the call, i < size, is row `row + i` of the
// operand and has the position `position + i`. The runs cover all indices, from 0 on.
struct PositionRun {
  int64_t first, row, position, size;
};
struct PositionRuns {
  const PositionRun* runs = nullptr;
  int64_t count = 0;  // 0: index i is row i, at position i
};

struct Attention {
  int64_t batch, q_len, kv_len, kv_heads, group, head_dim;
  // Elements between consecutive positions of one sequence; the heads of a position are dense
  // (q: [h][g][k], k and v: [h][k]). Elements between sequences.
  int64_t q_row, q_batch, k_row, k_batch, v_row, v_batch, o_row, o_batch;
  float scale;
  bool causal;
  // A query's position among the keys is its own + q_offset (decoding: the cache's length).
  int64_t q_offset = 0;
  int64_t window = 0;  // > 0: a query sees at most this many last keys (itself included)
  const int32_t* q_segments = nullptr;   // [b][s] or null: a query sees only keys of its segment
  const int32_t* kv_segments = nullptr;  // [b][t]
  AttentionDropout dropout = {};
  // Where query s lies in q, o and lse, and key t in k and v. Segments go by s and t themselves.
  PositionRuns queries = {}, keys = {};
};

// Where a local block lies in the logical tensor, so that element (i, j, l) of the block has the
// global index ((i + offset0) * size1 + (j + offset1)) * size2 + (l + offset2).
struct GlobalIndex3 {
  int64_t local[3];
  int64_t offset[3];
  int64_t size[3];
};

struct AdamW {
  float lr, beta1, beta2, epsilon, weight_decay;
  float bias_correction1, bias_correction2;  // 1 - beta^t
};

struct Kernels {
  const char* name;  // "oracle", "portable", "x86-64-v3", "x86-64-v4"

  // --- matrix products (matmul.cc, matmul_oracle.cc; oneDNN behind the three fast tables)
  size_t (*matmul_workspace_bytes)(const Matmul&, int threads);
  void (*matmul)(const Matmul&, void* workspace, int threads);

  // y_mn = x_mk w_nk^T (+ bias_n), the bias when not null. The weight is BF16 and widened exactly;
  // x is not rounded, and sums are FP32. (linear_bf16.cc, linear_bf16_oracle.cc)
  size_t (*linear_bf16_workspace_bytes)(int64_t m, int64_t n, int64_t k, int threads);
  void (*linear_bf16)(const float* x_mk, const uint16_t* w_nk, const float* bias_n, int64_t m,
                      int64_t n, int64_t k, float* y_mn, void* workspace, int threads);

  // db_d (+)= sum over n of dy_nd, in a fixed order
  void (*sum_rows)(const float* dy_nd, int64_t n, int64_t d, float* db_d, bool accumulate,
                   int threads);

  // --- embedding: rows outside [first_row, first_row + rows) give zeros and take no gradient
  void (*embedding)(const int32_t* ids_n, const float* w_vd, int64_t n, int64_t rows, int64_t d,
                    int64_t first_row, float* out_nd, int threads);
  void (*embedding_bf16)(const int32_t* ids_n, const uint16_t* w_vd, int64_t n, int64_t rows,
                         int64_t d, int64_t first_row, float* out_nd, int threads);
  void (*embedding_grad)(const int32_t* ids_n, const float* dy_nd, int64_t n, int64_t rows,
                         int64_t d, int64_t first_row, float* dw_vd, bool accumulate, int threads);

  // --- cross entropy of logits x w^T, `rows` of w being [first_row, first_row + rows) of the
  // vocabulary; rows at or past `vocab_valid` (padding) are masked. A label < 0 is ignored.
  // Logits exist only for a chunk of tokens at a time, in the workspace.
  size_t (*linear_cross_entropy_workspace_bytes)(int64_t n, int64_t rows, int64_t d, int threads);
  // Per token, over the local rows: max, sum of exp(logit - max), the label's logit (0 if it is
  // not here).
  void (*logits_stats)(const float* x_nd, const float* w_vd, const int32_t* labels_n, int64_t n,
                       int64_t rows, int64_t d, int64_t first_row, int64_t vocab_valid,
                       float* max_n, float* sum_n, float* label_logit_n, void* workspace,
                       int threads);
  // dx_nd = seed * (softmax - onehot) w; dw_vd (+)= (seed * (softmax - onehot))^T x. lse_n is the
  // log-sum-exp over the whole vocabulary. dx or dw may be null.
  void (*linear_cross_entropy_grad)(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                                    const float* lse_n, const float* seed, int64_t n, int64_t rows,
                                    int64_t d, int64_t first_row, int64_t vocab_valid, float* dx_nd,
                                    float* dw_vd, bool accumulate_dw, void* workspace, int threads);
  // Loss and both gradients in one pass over the logits (the whole vocabulary is local):
  // loss (+)= sum over labelled tokens of lse - logit[label], not scaled by seed.
  void (*linear_cross_entropy_fused)(const float* x_nd, const float* w_vd, const int32_t* labels_n,
                                     const float* seed, int64_t n, int64_t rows, int64_t d,
                                     int64_t vocab_valid, float* loss, bool accumulate_loss,
                                     float* dx_nd, float* dw_vd, bool accumulate_dw,
                                     void* workspace, int threads);

  // --- attention: o = softmax(scale * q k^T + mask) v; lse_bhgs is kept for the gradient.
  // A query that sees no key gives o = 0 and lse = -inf. The s x t matrix is never formed.
  size_t (*attention_workspace_bytes)(const Attention&, int threads);
  void (*attention)(const Attention&, const float* q, const float* k, const float* v, float* o,
                    float* lse_bhgs, void* workspace, int threads);
  size_t (*attention_grad_workspace_bytes)(const Attention&, int threads);
  // do has o's strides, dq q's, dk k's, dv v's. Overwrites.
  void (*attention_grad)(const Attention&, const float* dout, const float* q, const float* k,
                         const float* v, const float* o, const float* lse_bhgs, float* dq,
                         float* dk, float* dv, void* workspace, int threads);
  // The attention over the keys of a and of b, which share none, from that over each. No key: lse =
  // -inf and o = 0. Rows of o are [b][s][h], h counting query heads; each output may lie over an
  // input of its shape.
  void (*attention_merge)(const float* o_a, const float* lse_a_bhs, const float* o_b,
                          const float* lse_b_bhs, int64_t batch, int64_t seq, int64_t heads,
                          int64_t head_dim, float* o, float* lse_bhs, int threads);

  // --- normalisation over d
  void (*layer_norm)(const float* x_nd, const float* w_d, const float* b_d, int64_t n, int64_t d,
                     float epsilon, float* y_nd, float* mean_n, float* rstd_n, int threads);
  // dx_nd = gradient (+ residual_nd when not null); dx may alias residual or dy.
  void (*layer_norm_input_grad)(const float* dy_nd, const float* x_nd, const float* w_d,
                                const float* mean_n, const float* rstd_n, const float* residual_nd,
                                int64_t n, int64_t d, float* dx_nd, int threads);
  void (*layer_norm_weight_grad)(const float* dy_nd, const float* x_nd, const float* mean_n,
                                 const float* rstd_n, int64_t n, int64_t d, float* dw_d,
                                 float* db_d, bool accumulate, int threads);
  void (*rms_norm)(const float* x_nd, const float* w_d, int64_t n, int64_t d, float epsilon,
                   float* y_nd, float* rstd_n, int threads);
  void (*rms_norm_input_grad)(const float* dy_nd, const float* x_nd, const float* w_d,
                              const float* rstd_n, const float* residual_nd, int64_t n, int64_t d,
                              float* dx_nd, int threads);
  void (*rms_norm_weight_grad)(const float* dy_nd, const float* x_nd, const float* rstd_n,
                               int64_t n, int64_t d, float* dw_d, bool accumulate, int threads);

  // --- position: rotates pairs (i, i + k/2) of each head by position * inverse_frequency[i]
  // (Su et al. 2021, in Hugging Face's half-split order; the angle is rounded to float as there),
  // or back when `inverse`. y may alias x.
  void (*rope)(const float* x, const int32_t* positions_n, const float* inverse_frequency,
               int64_t n, int64_t heads, int64_t head_dim, bool inverse, float* y, int threads);

  // --- elementwise over `count` elements; an output may alias an input
  void (*gelu_tanh)(const float* x, int64_t count, float* y, int threads);
  void (*gelu_tanh_grad)(const float* dy, const float* x, int64_t count, float* dx, int threads);
  // silu(gate) * up
  void (*swiglu)(const float* gate, const float* up, int64_t count, float* y, int threads);
  void (*swiglu_grad)(const float* dy, const float* gate, const float* up, int64_t count,
                      float* dgate, float* dup, int threads);
  void (*add)(const float* a, const float* b, int64_t count, float* y, int threads);
  void (*scale)(const float* x, const float* factor, int64_t count, float* y, int threads);
  void (*fill)(float value, int64_t count, float* y, int threads);
  // y = x / (1 - p) where uniform_at(key, global index) >= p, else 0. Its gradient is itself.
  // Element with global index i uses word i % 4 of counter i / 4, as uniform_at does.
  void (*dropout)(const float* x, const GlobalIndex3&, RngKey, float p, float* y, int threads);
  // As mean + stddev * normal_at(key, first_index + i), the same bits on every table.
  void (*fill_normal)(RngKey, int64_t first_index, int64_t count, float mean, float stddev,
                      float* y, int threads);

  // --- optimizer
  // Sum of squares in double precision, in blocks of 4096 added in index order.
  void (*sum_squares)(const float* x, int64_t count, double* out, bool accumulate, int threads);
  // Loshchilov and Hutter 2019, algorithm 2 (decoupled decay scaled by lr), as PyTorch computes it:
  // p -= lr * wd * p; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2;
  // p -= lr / bc1 * m / (sqrt(v) / sqrt(bc2) + eps), with g = *grad_scale * grad. When *skip != 0
  // nothing changes.
  void (*adamw)(float* p, float* m, float* v, const float* grad, const float* grad_scale,
                const float* skip, int64_t count, const AdamW&, int threads);
};

const Kernels& oracle_kernels();

enum class Isa { kPortable, kV3, kV4 };
bool has_isa(Isa);                 // this build has it and this CPU can run it
Isa best_isa();                    // of this CPU
const Kernels& fast_kernels(Isa);  // requires has_isa
const Kernels& default_kernels();  // oracle when built without oneDNN, else the best

}  // namespace tutti::cpu
