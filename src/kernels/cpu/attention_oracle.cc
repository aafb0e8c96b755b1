// The plain oracle of attention: the scores of one query at a time, accumulated in double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_positions.h"

namespace tutti::cpu::oracle {

namespace {

// One (batch, kv_head) of the operands.
struct Head {
  const Attention& shape;
  int64_t b, h;

  int64_t query_row(int64_t g, int64_t s, int64_t row, int64_t batch) const {
    return b * batch + row_at(shape.queries, s) * row + (h * shape.group + g) * shape.head_dim;
  }
  int64_t key_row(int64_t t, int64_t row, int64_t batch) const {
    return b * batch + row_at(shape.keys, t) * row + h * shape.head_dim;
  }
  int64_t lse_index(int64_t g, int64_t s) const {
    const int64_t head = (b * shape.kv_heads + h) * shape.group + g;
    return head * shape.q_len + row_at(shape.queries, s);
  }
  bool sees(int64_t s, int64_t t) const {
    const int64_t query = position_at(shape.queries, s) + shape.q_offset;
    const int64_t key = position_at(shape.keys, t);
    if (shape.causal && key > query) return false;
    if (shape.window > 0 && key <= query - shape.window) return false;
    return shape.q_segments == nullptr ||
           shape.q_segments[b * shape.q_len + s] == shape.kv_segments[b * shape.kv_len + t];
  }
};

// What dropout multiplies the weight of query (g, s) for key t by.
double kept(const Head& head, int64_t g, int64_t s, int64_t t) {
  const AttentionDropout& dropout = head.shape.dropout;
  if (dropout.p == 0) return 1;
  const uint64_t key = static_cast<uint64_t>(position_at(head.shape.keys, t) + dropout.t0);
  const int64_t query = position_at(head.shape.queries, s);
  const uint64_t counter = dropout.first_counter(head.b, head.h, g, query) + key / 4;
  const bool keep = uniform_float(philox(dropout.key, counter)[key % 4]) >= dropout.p;
  return keep ? 1.0 / (1.0 - static_cast<double>(dropout.p)) : 0.0;
}

double dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// What query (g, s) scores for each key, -inf where it does not see it.
void scores_of(const Head& head, int64_t g, int64_t s, const float* q, const float* k,
               double* scores_t) {
  const Attention& a = head.shape;
  const float* query = q + head.query_row(g, s, a.q_row, a.q_batch);
  for (int64_t t = 0; t < a.kv_len; ++t) {
    scores_t[t] = head.sees(s, t)
                      ? a.scale * dot(query, k + head.key_row(t, a.k_row, a.k_batch), a.head_dim)
                      : -std::numeric_limits<double>::infinity();
  }
}

void attend_one(const Head& head, int64_t g, int64_t s, const float* q, const float* k,
                const float* v, float* o, float* lse_bhgs, double* scores_t) {
  const Attention& a = head.shape;
  scores_of(head, g, s, q, k, scores_t);
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t t = 0; t < a.kv_len; ++t) max = std::max(max, scores_t[t]);
  const bool sees_any = max != -std::numeric_limits<double>::infinity();
  for (int64_t t = 0; t < a.kv_len; ++t) {
    scores_t[t] = sees_any ? std::exp(scores_t[t] - max) : 0.0;
    sum += scores_t[t];
    scores_t[t] *= kept(head, g, s, t);
  }
  lse_bhgs[head.lse_index(g, s)] = static_cast<float>(sees_any ? max + std::log(sum) : max);
  float* out = o + head.query_row(g, s, a.o_row, a.o_batch);
  for (int64_t i = 0; i < a.head_dim; ++i) {
    double value = 0;
    for (int64_t t = 0; t < a.kv_len; ++t) {
      // A key of no weight is skipped, so that padding may hold anything.
      if (scores_t[t] != 0) value += scores_t[t] * v[head.key_row(t, a.v_row, a.v_batch) + i];
    }
    out[i] = static_cast<float>(sees_any ? value / sum : 0.0);
  }
}

// Adds one query's part of dk and dv (of this head, in double) and writes its dq.
void grad_of_one(const Head& head, int64_t g, int64_t s, const float* dout, const float* q,
                 const float* k, const float* v, const float* o, const float* lse_bhgs, float* dq,
                 double* dk_tk, double* dv_tk, double* scores_t) {
  const Attention& a = head.shape;
  scores_of(head, g, s, q, k, scores_t);
  double lse = lse_bhgs[head.lse_index(g, s)];
  // A query that saw nothing has weights of 0.
  if (lse == -std::numeric_limits<double>::infinity()) lse = -lse;
  const int64_t o_at = head.query_row(g, s, a.o_row, a.o_batch);
  const int64_t q_at = head.query_row(g, s, a.q_row, a.q_batch);
  const double delta = dot(dout + o_at, o + o_at, a.head_dim);
  for (int64_t t = 0; t < a.kv_len; ++t) {
    // scores_t becomes the gradient of the score.
    if (scores_t[t] == -std::numeric_limits<double>::infinity()) {
      scores_t[t] = 0;
      continue;
    }
    const double p = std::exp(scores_t[t] - lse);
    const double dp = dot(dout + o_at, v + head.key_row(t, a.v_row, a.v_batch), a.head_dim);
    const double factor = kept(head, g, s, t);
    scores_t[t] = a.scale * p * (factor * dp - delta);
    for (int64_t i = 0; i < a.head_dim; ++i) {
      dv_tk[t * a.head_dim + i] += factor * p * dout[o_at + i];
      dk_tk[t * a.head_dim + i] += scores_t[t] * q[q_at + i];
    }
  }
  for (int64_t i = 0; i < a.head_dim; ++i) {
    double value = 0;
    for (int64_t t = 0; t < a.kv_len; ++t) {
      if (scores_t[t] != 0) value += scores_t[t] * k[head.key_row(t, a.k_row, a.k_batch) + i];
    }
    dq[q_at + i] = static_cast<float>(value);
  }
}

}  // namespace

size_t attention_workspace_bytes(const Attention& a, int) {
  return static_cast<size_t>(a.kv_len) * sizeof(double);
}

void attention(const Attention& a, const float* q, const float* k, const float* v, float* o,
               float* lse_bhgs, void* workspace, int) {
  double* scores_t = static_cast<double*>(workspace);
  for (int64_t b = 0; b < a.batch; ++b) {
    for (int64_t h = 0; h < a.kv_heads; ++h) {
      for (int64_t g = 0; g < a.group; ++g) {
        for (int64_t s = 0; s < a.q_len; ++s) {
          attend_one({a, b, h}, g, s, q, k, v, o, lse_bhgs, scores_t);
        }
      }
    }
  }
}

size_t attention_grad_workspace_bytes(const Attention& a, int) {
  return static_cast<size_t>(a.kv_len * (2 * a.head_dim + 1)) * sizeof(double);
}

void attention_grad(const Attention& a, const float* dout, const float* q, const float* k,
                    const float* v, const float* o, const float* lse_bhgs, float* dq, float* dk,
                    float* dv, void* workspace, int) {
  const int64_t size = a.kv_len * a.head_dim;
  double* dk_tk = static_cast<double*>(workspace);
  double* dv_tk = dk_tk + size;
  double* scores_t = dv_tk + size;
  for (int64_t b = 0; b < a.batch; ++b) {
    for (int64_t h = 0; h < a.kv_heads; ++h) {
      const Head head{a, b, h};
      std::fill(dk_tk, dk_tk + 2 * size, 0.0);
      for (int64_t g = 0; g < a.group; ++g) {
        for (int64_t s = 0; s < a.q_len; ++s) {
          grad_of_one(head, g, s, dout, q, k, v, o, lse_bhgs, dq, dk_tk, dv_tk, scores_t);
        }
      }
      for (int64_t t = 0; t < a.kv_len; ++t) {
        for (int64_t i = 0; i < a.head_dim; ++i) {
          dk[head.key_row(t, a.k_row, a.k_batch) + i] =
              static_cast<float>(dk_tk[t * a.head_dim + i]);
          dv[head.key_row(t, a.v_row, a.v_batch) + i] =
              static_cast<float>(dv_tk[t * a.head_dim + i]);
        }
      }
    }
  }
}

void attention_merge(const float* o_a, const float* lse_a_bhs, const float* o_b,
                     const float* lse_b_bhs, int64_t batch, int64_t seq, int64_t heads,
                     int64_t head_dim, float* o, float* lse_bhs, int) {
  for (int64_t row = 0; row < batch * seq * heads; ++row) {
    const int64_t h = row % heads, s = row / heads % seq, b = row / heads / seq;
    const int64_t at = (b * heads + h) * seq + s;
    const double a = lse_a_bhs[at], c = lse_b_bhs[at], largest = std::max(a, c);
    const bool sees_any = largest != -std::numeric_limits<double>::infinity();
    const double lse =
        sees_any ? largest + std::log(std::exp(a - largest) + std::exp(c - largest)) : largest;
    for (int64_t i = row * head_dim; i < (row + 1) * head_dim; ++i) {
      o[i] = sees_any ? static_cast<float>(std::exp(a - lse) * o_a[i] + std::exp(c - lse) * o_b[i])
                      : 0.0f;
    }
    lse_bhs[at] = static_cast<float>(lse);
  }
}

}  // namespace tutti::cpu::oracle
