#include "kernels/cpu/attention_decode.h"

namespace tutti::cpu::TUTTI_ISA {

namespace {

constexpr int64_t kKeys = 128;      // keys between two updates of the running softmax
constexpr int64_t kKeyBlock = 4;    // keys scored together
constexpr int64_t kValueBlock = 8;  // vectors of an output row kept in registers
constexpr int64_t kValueKeys = 8;   // keys that all heads of a group add before the next ones
// How many keys ahead of use a row is fetched: the hardware does not foresee the next page. Few, as
// rows that lie a power of two apart share a small part of the cache.
constexpr int64_t kAhead = 16;

// What is kept of each head of the group, one row a head.
struct Rows {
  int64_t stride;
  float *query, *out, *weights, *max, *sum;

  Rows(const Attention& a, float* scratch) : stride(padded_stride(a.head_dim)) {
    Carver carver{scratch};
    query = carver.take(a.group * stride);
    out = carver.take(a.group * stride);
    weights = carver.take(a.group * kKeys);
    max = carver.take(a.group);
    sum = carver.take(a.group);
  }
};

// Fetches rows [begin, end) of `row` floats each.
TUTTI_INLINE void prefetch_rows(const float* rows, int64_t row, int64_t head_dim, int64_t begin,
                                int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    for (int64_t i = 0; i < head_dim; i += 16) __builtin_prefetch(rows + t * row + i);
  }
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

// The scores of n keys, of `left` from here on, for all heads of the group: a block of keys is read
// from memory once.
void score_tile(const Attention& a, const Rows& rows, const float* keys, int64_t n, int64_t left) {
  for (int64_t t = 0; t < n; t += kKeyBlock) {
    const int64_t count = smaller(kKeyBlock, n - t);
    prefetch_rows(keys, a.k_row, a.head_dim, t + kAhead, smaller(t + kAhead + count, left));
    for (int64_t g = 0; g < a.group; ++g) {
      const float* const query = rows.query + g * rows.stride;
      float* const s = rows.weights + g * kKeys;
      if (count == kKeyBlock) {
        score_keys<kKeyBlock>(query, keys + t * a.k_row, a.k_row, a.head_dim, s + t);
      } else {
        for (int64_t j = t; j < n; ++j) {
          score_keys<1>(query, keys + j * a.k_row, a.k_row, a.head_dim, s + j);
        }
      }
    }
  }
}

// Masks one head's n scores, turns them into weights, and multiplies its output so far by what its
// older weights are now too large by.
void weigh_row(const QueryTile& queries, int64_t t0, int64_t n, const Rows& rows, int64_t g) {
  float* const s = rows.weights + g * kKeys;
  for (int64_t t = 0; t < n; ++t) {
    const bool in_range = t0 + t >= queries.first_key[0] && t0 + t <= queries.last_key[0];
    const bool in_segment =
        queries.kv_segments == nullptr || queries.kv_segments[t0 + t] == queries.segment[0];
    if (!in_range || !in_segment) s[t] = -kInfinity;
  }
  for (int64_t t = n; t < round_up(n, kLanes); ++t) s[t] = -kInfinity;
  const float old_max = rows.max[g];
  VecF largest = broadcast(old_max), sums = {};
  for (int64_t t = 0; t < n; t += kLanes) largest = max(largest, load(s + t));
  const float new_max = max(largest);
  const float base = new_max == -kInfinity ? 0.0f : new_max;
  for (int64_t t = 0; t < n; t += kLanes) {
    const VecF p = exp(load(s + t) - base);
    store(s + t, p);
    sums += p;
  }
  const VecF factor = exp(broadcast(old_max - base));
  rows.max[g] = new_max;
  rows.sum[g] = rows.sum[g] * factor[0] + sum(sums);
  float* const out = rows.out + g * rows.stride;
  for (int64_t i = 0; i < rows.stride; i += kLanes) store(out + i, load(out + i) * factor);
}

// out += sum over n keys of p[t] values[t], for kCount vectors of the row, or for one vector of
// which the values have `last` lanes.
template <int64_t kCount>
TUTTI_INLINE void add_values(const float* p, const float* values, int64_t row, int64_t n,
                             int64_t last, float* out) {
  VecF sums[kCount];
#pragma GCC unroll 8
  for (int64_t j = 0; j < kCount; ++j) sums[j] = load(out + j * kLanes);
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
                   float* out) {
  int64_t i = 0;
  for (; i + kValueBlock * kLanes <= head_dim; i += kValueBlock * kLanes) {
    add_values<kValueBlock>(p, values + i, row, n, kLanes, out + i);
  }
  for (; i < head_dim; i += kLanes) {
    add_values<1>(p, values + i, row, n, smaller(kLanes, head_dim - i), out + i);
  }
}

void add_value_tile(const Attention& a, const Rows& rows, const float* values, int64_t n,
                    int64_t left) {
  for (int64_t t = 0; t < n; t += kValueKeys) {
    const int64_t count = smaller(kValueKeys, n - t);
    prefetch_rows(values, a.v_row, a.head_dim, t + kAhead, smaller(t + kAhead + count, left));
    for (int64_t g = 0; g < a.group; ++g) {
      add_value_row(rows.weights + g * kKeys + t, values + t * a.v_row, a.v_row, a.head_dim, count,
                    rows.out + g * rows.stride);
    }
  }
}

void begin_rows(const Head& head, const float* q, const Rows& rows) {
  const Attention& a = head.shape;
  for (int64_t g = 0; g < a.group; ++g) {
    const float* const row = q + head.query_row(g, a.q_row, a.q_batch);
    for (int64_t i = 0; i < rows.stride; ++i) {
      rows.query[g * rows.stride + i] = i < a.head_dim ? a.scale * row[i] : 0.0f;
      rows.out[g * rows.stride + i] = 0.0f;
    }
    rows.max[g] = -kInfinity;
    rows.sum[g] = 0.0f;
  }
}

void finish_rows(const Head& head, const Rows& rows, float* o, float* lse_bhgs) {
  const Attention& a = head.shape;
  for (int64_t g = 0; g < a.group; ++g) {
    const float inverse = rows.sum[g] == 0.0f ? 0.0f : 1.0f / rows.sum[g];
    store_row(rows.out + g * rows.stride, inverse, a.head_dim,
              o + head.query_row(g, a.o_row, a.o_batch));
    lse_bhgs[head.lse_index(g)] = rows.max[g] + log(broadcast(rows.sum[g]))[0];
  }
}

}  // namespace

int64_t decode_scratch_floats(const Attention& a) {
  return a.group * (2 * padded_stride(a.head_dim) + kKeys) + 2 * round_up(a.group, 16);
}

void decode_head(const Head& head, const float* q, const float* k, const float* v, float* o,
                 float* lse_bhgs, float* scratch) {
  const Attention& a = head.shape;
  const QueryTile queries(head, 0);
  const Rows rows(a, scratch);
  begin_rows(head, q, rows);
  for (int64_t t0 = queries.key_begin / kKeys * kKeys; t0 < queries.key_end; t0 += kKeys) {
    const int64_t left = queries.key_end - t0, n = smaller(kKeys, left);
    if (visibility(queries, t0, n) == Visibility::kNone) continue;
    const float* const keys = k + head.key_row(t0, a.k_row, a.k_batch);
    const float* const values = v + head.key_row(t0, a.v_row, a.v_batch);
    score_tile(a, rows, keys, n, left);
    for (int64_t g = 0; g < a.group; ++g) weigh_row(queries, t0, n, rows, g);
    add_value_tile(a, rows, values, n, left);
  }
  finish_rows(head, rows, o, lse_bhgs);
}

}  // namespace tutti::cpu::TUTTI_ISA
