// Attention forward: tiles of queries against tiles of keys with a running softmax, so that the
// matrix of scores never exists (Dao et al., "FlashAttention", 2022; Milakov and Gimelshein,
// "Online normalizer calculation for softmax", 2018).
#include "kernels/cpu/attention.h"

#include <omp.h>

#include "kernels/cpu/attention_decode.h"
#include "kernels/cpu/attention_tile.h"

namespace tutti::cpu::TUTTI_ISA {

namespace {

// The running softmax of the queries of a tile.
struct Softmax {
  alignas(64) float max[kQueryTile];
  alignas(64) float sum[kQueryTile];     // of exp(score - max) so far
  alignas(64) float factor[kQueryTile];  // what the last key tile multiplied older terms by
};

struct Scratch {
  float *query_rows, *query_columns, *keys, *values, *scores, *out;

  static int64_t floats(const Attention& a) {
    return 2 * (kQueryTile + kKeyTile) * padded_stride(a.head_dim) +
           (a.head_dim + kKeyTile) * kQueryStride;
  }
  Scratch(const Attention& a, float* buffer) {
    const int64_t stride = padded_stride(a.head_dim);
    Carver carver{buffer};
    query_rows = carver.take(kQueryTile * stride);
    keys = carver.take(kKeyTile * stride);
    values = carver.take(kKeyTile * stride);
    out = carver.take(kQueryTile * stride);
    query_columns = carver.take(a.head_dim * kQueryStride);
    scores = carver.take(kKeyTile * kQueryStride);
  }
};

// Turns the scores of the first `seen` of n keys into weights for one block of queries, updates
// their running softmax, and fills the rest of the block with zeros.
template <bool kMask>
TUTTI_INLINE void softmax_block(const QueryTile& queries, int64_t q, int64_t t0, int64_t n,
                                int64_t seen, float* s_tq, Softmax& softmax) {
  VecF old_max[2], max_so_far[2], base[2], sum[2];
  for (int j = 0; j < 2; ++j) {
    old_max[j] = max_so_far[j] = load(softmax.max + q + j * kLanes);
    sum[j] = VecF{};
  }
  for (int64_t t = 0; t < seen; ++t) {
    for (int j = 0; j < 2; ++j) {
      float* const at = s_tq + t * kQueryStride + q + j * kLanes;
      VecF s = load(at);
      if (kMask) {
        s = sees(queries, q + j * kLanes, t0 + t) ? s : broadcast(-kInfinity);
        store(at, s);
      }
      max_so_far[j] = max(max_so_far[j], s);
    }
  }
  // A query that has seen nothing has maximum -inf; from 0, its weights come out as 0, not NaN.
  for (int j = 0; j < 2; ++j) {
    base[j] = max_so_far[j] == -kInfinity ? VecF{} : max_so_far[j];
  }
  for (int64_t t = 0; t < seen; ++t) {
    for (int j = 0; j < 2; ++j) {
      float* const at = s_tq + t * kQueryStride + q + j * kLanes;
      const VecF p = exp(load(at) - base[j]);
      store(at, p);
      sum[j] += p;
    }
  }
  zero_block(q, seen, round_up(n, kRowBlock), s_tq);
  for (int j = 0; j < 2; ++j) {
    const int64_t at = q + j * kLanes;
    const VecF factor = exp(old_max[j] - base[j]);
    store(softmax.factor + at, factor);
    store(softmax.sum + at, fma(load(softmax.sum + at), factor, sum[j]));
    store(softmax.max + at, max_so_far[j]);
  }
}

void finish_tile(const Head& head, const QueryTile& queries, const Softmax& softmax,
                 const float* out_qk, int64_t stride, float* o, float* lse_bhgs) {
  const Attention& a = head.shape;
  for (int64_t r = 0; r < queries.count; ++r) {
    const float sum = softmax.sum[r];
    const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
    float* const row = o + head.query_row(queries.first + r, a.o_row, a.o_batch);
    store_row(out_qk + r * stride, inverse, a.head_dim, row);
  }
  alignas(64) float lse[kQueryTile];
  for (int64_t r = 0; r < queries.count; r += kLanes) {
    store(lse + r, load(softmax.max + r) + log(load(softmax.sum + r)));
  }
  for (int64_t r = 0; r < queries.count; ++r) {
    lse_bhgs[head.lse_index(queries.first + r)] = lse[r];
  }
}

void attend_tile(const Head& head, int64_t first_row, const float* q, const float* k,
                 const float* v, float* o, float* lse_bhgs, const Scratch& scratch) {
  const Attention& a = head.shape;
  const int64_t stride = padded_stride(a.head_dim);
  const QueryTile queries(head, first_row);
  const DropoutRows dropout(head, queries);
  copy_queries(head, q, a.q_row, a.q_batch, queries, a.scale, stride, scratch.query_rows);
  transpose_queries(scratch.query_rows, stride, queries.count, a.head_dim, scratch.query_columns);
  Softmax softmax;
  for (int64_t i = 0; i < kQueryTile; ++i) {
    softmax.max[i] = -kInfinity;
    softmax.sum[i] = 0.0f;
  }
  for (int64_t i = 0; i < kQueryTile * stride; i += kLanes) store(scratch.out + i, VecF{});
  const int64_t begin = queries.key_begin / kKeyTile * kKeyTile;
  for (int64_t t0 = begin; t0 < queries.key_end; t0 += kKeyTile) {
    const int64_t n = smaller(kKeyTile, queries.key_end - t0);
    const Visibility seen = visibility(queries, t0, n);
    if (seen == Visibility::kNone) continue;
    copy_keys(head, k, a.k_row, a.k_batch, t0, n, stride, scratch.keys);
    copy_keys(head, v, a.v_row, a.v_batch, t0, n, stride, scratch.values);
    for (int64_t block = 0; block < queries.count; block += kColumnBlock) {
      const int64_t keys = queries.keys_seen(block, kColumnBlock, t0, n);
      score_block(block, keys, scratch.keys, stride, scratch.query_columns, a.head_dim,
                  scratch.scores);
      if (seen == Visibility::kAll) {
        softmax_block<false>(queries, block, t0, n, keys, scratch.scores, softmax);
      } else {
        softmax_block<true>(queries, block, t0, n, keys, scratch.scores, softmax);
      }
      if (a.dropout.p > 0) drop_block(head, dropout, block, t0, keys, scratch.scores);
    }
    add_over_keys(queries, t0, n, scratch.scores, scratch.values, stride, a.head_dim,
                  softmax.factor, scratch.out);
  }
  finish_tile(head, queries, softmax, scratch.out, stride, o, lse_bhgs);
}

bool decodes(const Attention& a) { return a.q_len == 1 && a.dropout.p == 0 && a.keys.count == 0; }

int64_t scratch_floats(const Attention& a) {
  return round_up(decodes(a) ? decode_scratch_floats(a) : Scratch::floats(a), 16);
}

}  // namespace

size_t attention_workspace_bytes(const Attention& a, int threads) {
  return static_cast<size_t>(threads * scratch_floats(a)) * sizeof(float) + 64;
}

void attention(const Attention& a, const float* q, const float* k, const float* v, float* o,
               float* lse_bhgs, void* workspace, int threads) {
  const int64_t heads = a.batch * a.kv_heads, floats = scratch_floats(a);
  float* const scratch = align_to_line(workspace);
  const int64_t tiles = decodes(a) ? 1 : (a.q_len * a.group + kQueryTile - 1) / kQueryTile;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t unit = 0; unit < heads * tiles; ++unit) {
    // Head by head, whose keys then stay in the cache, and the last tile of a head first: it sees
    // the most keys when causal.
    const int64_t head_index = unit / tiles, tile = tiles - 1 - unit % tiles;
    const Head head{a, head_index / a.kv_heads, head_index % a.kv_heads};
    float* const own = scratch + omp_get_thread_num() * floats;
    if (decodes(a)) {
      decode_head(head, q, k, v, o, lse_bhgs, own);
    } else {
      attend_tile(head, tile * kQueryTile, q, k, v, o, lse_bhgs, Scratch(a, own));
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
