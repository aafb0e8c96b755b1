#include "kernels/cpu/attention_decode.h"

namespace tutti::cpu::TUTTI_ISA {

namespace {

constexpr int64_t kKeys = 128;      // keys between two updates of the running softmax
constexpr int64_t kKeyBlock = 4;    // keys scored together
constexpr int64_t kValueBlock = 8;  // vectors of an output row kept in registers

// Fetches what comes `kKeys` later, past what the hardware foresees across pages.
TUTTI_INLINE void prefetch_row(const float* row, int64_t head_dim) {
  for (int64_t i = 0; i < head_dim; i += 16) __builtin_prefetch(row + i);
}

// s[j] = query . key j for kCount keys; the bits of one do not depend on kCount.
template <int64_t kCount>
TUTTI_INLINE void score_keys(const float* query, const float* keys, int64_t row, int64_t head_dim,
                             float* s) {
  VecF sums[kCount] = {};
  const int64_t whole = head_dim / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const VecF x = load(query + i);
#pragma GCC unroll 4
    for (int64_t j = 0; j < kCount; ++j) sums[j] = fma(x, load(keys + j * row + i), sums[j]);
  }
  if (whole < head_dim) {
    const VecF x = load(query + whole);
#pragma GCC unroll 4
    for (int64_t j = 0; j < kCount; ++j) {
      sums[j] = fma(x, load_first(keys + j * row + whole, head_dim - whole), sums[j]);
    }
  }
#pragma GCC unroll 4
  for (int64_t j = 0; j < kCount; ++j) s[j] = sum(sums[j]);
}

void score_row(const float* query, const float* keys, int64_t row, int64_t head_dim, int64_t n,
               int64_t left, float* s) {
  int64_t t = 0;
  for (; t + kKeyBlock <= n; t += kKeyBlock) {
    for (int64_t j = t + kKeys; j < smaller(t + kKeys + kKeyBlock, left); ++j) {
      prefetch_row(keys + j * row, head_dim);
    }
    score_keys<kKeyBlock>(query, keys + t * row, row, head_dim, s + t);
  }
  for (; t < n; ++t) score_keys<1>(query, keys + t * row, row, head_dim, s + t);
}

// Masks n scores (of a buffer of kKeys), turns them into weights, and returns the factor of older
// terms.
float weigh_row(const QueryTile& queries, int64_t t0, int64_t n, float* s, float* row_max,
                float* row_sum) {
  for (int64_t t = 0; t < n; ++t) {
    const bool in_range = t0 + t >= queries.first_key[0] && t0 + t <= queries.last_key[0];
    const bool in_segment =
        queries.kv_segments == nullptr || queries.kv_segments[t0 + t] == queries.segment[0];
    if (!in_range || !in_segment) s[t] = -kInfinity;
  }
  for (int64_t t = n; t < round_up(n, kLanes); ++t) s[t] = -kInfinity;
  VecF largest = broadcast(*row_max), sums = {};
  for (int64_t t = 0; t < n; t += kLanes) largest = max(largest, load(s + t));
  const float new_max = max(largest);
  const float base = new_max == -kInfinity ? 0.0f : new_max;
  for (int64_t t = 0; t < n; t += kLanes) {
    const VecF p = exp(load(s + t) - base);
    store(s + t, p);
    sums += p;
  }
  const float factor = exp(broadcast(*row_max - base))[0];
  *row_max = new_max;
  *row_sum = *row_sum * factor + sum(sums);
  return factor;
}

// out = out * factor + sum over n keys of p[t] values[t], for kCount vectors of the row, of which
// the last has `last` lanes.
template <int64_t kCount>
TUTTI_INLINE void add_values(const float* p, const float* values, int64_t row, int64_t n,
                             int64_t last, float factor, float* out) {
  VecF sums[kCount];
#pragma GCC unroll 8
  for (int64_t j = 0; j < kCount; ++j) sums[j] = load(out + j * kLanes) * factor;
  for (int64_t t = 0; t < n; ++t) {
    const VecF weight = broadcast(p[t]);
    const float* const value = values + t * row;
#pragma GCC unroll 8
    for (int64_t j = 0; j < kCount; ++j) {
      const VecF x = kCount == 1 ? load_first(value, last) : load(value + j * kLanes);
      sums[j] = fma(weight, x, sums[j]);
    }
  }
#pragma GCC unroll 8
  for (int64_t j = 0; j < kCount; ++j) store(out + j * kLanes, sums[j]);
}

void add_value_row(const float* p, const float* values, int64_t row, int64_t head_dim, int64_t n,
                   float factor, float* out) {
  int64_t i = 0;
  for (; i + kValueBlock * kLanes <= head_dim; i += kValueBlock * kLanes) {
    add_values<kValueBlock>(p, values + i, row, n, kLanes, factor, out + i);
  }
  for (; i < head_dim; i += kLanes) {
    add_values<1>(p, values + i, row, n, smaller(kLanes, head_dim - i), factor, out + i);
  }
}

}  // namespace

int64_t decode_scratch_floats(const Attention& a) {
  return a.group * (2 * padded_stride(a.head_dim) + kKeys + 48);
}

void decode_head(const Head& head, const float* q, const float* k, const float* v, float* o,
                 float* lse_bhgs, float* scratch) {
  const Attention& a = head.shape;
  const int64_t stride = padded_stride(a.head_dim);
  const QueryTile queries(head, 0);
  Carver carver{scratch};
  float* const query = carver.take(a.group * stride);
  float* const out = carver.take(a.group * stride);
  float* const s = carver.take(a.group * kKeys);
  float* const row_max = carver.take(a.group);
  float* const row_sum = carver.take(a.group);
  float* const factor = carver.take(a.group);
  for (int64_t g = 0; g < a.group; ++g) {
    const float* const row = q + head.query_row(g, a.q_row, a.q_batch);
    for (int64_t i = 0; i < stride; ++i) {
      query[g * stride + i] = i < a.head_dim ? a.scale * row[i] : 0.0f;
      out[g * stride + i] = 0.0f;
    }
    row_max[g] = -kInfinity;
    row_sum[g] = 0.0f;
  }
  for (int64_t t0 = queries.key_begin / kKeys * kKeys; t0 < queries.key_end; t0 += kKeys) {
    const int64_t n = smaller(kKeys, queries.key_end - t0), left = queries.key_end - t0;
    if (visibility(queries, t0, n) == Visibility::kNone) continue;
    const float* const keys = k + head.key_row(t0, a.k_row, a.k_batch);
    const float* const values = v + head.key_row(t0, a.v_row, a.v_batch);
    for (int64_t g = 0; g < a.group; ++g) {
      score_row(query + g * stride, keys, a.k_row, a.head_dim, n, g == 0 ? left : 0, s + g * kKeys);
      factor[g] = weigh_row(queries, t0, n, s + g * kKeys, row_max + g, row_sum + g);
    }
    for (int64_t g = 0; g < a.group; ++g) {
      add_value_row(s + g * kKeys, values, a.v_row, a.head_dim, n, factor[g], out + g * stride);
    }
  }
  for (int64_t g = 0; g < a.group; ++g) {
    float* const row = o + head.query_row(g, a.o_row, a.o_batch);
    const float inverse = row_sum[g] == 0.0f ? 0.0f : 1.0f / row_sum[g];
    for (int64_t i = 0; i < a.head_dim; ++i) row[i] = out[g * stride + i] * inverse;
    lse_bhgs[head.lse_index(g)] = row_max[g] + log(broadcast(row_sum[g]))[0];
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
