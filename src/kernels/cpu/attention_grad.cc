// Attention backward: the weights are formed again from the scores and the log-sum-exp, tile by
// tile (Dao et al., "FlashAttention", 2022, algorithm 4; "FlashAttention-2", 2023, algorithm 2).
//
// There are two ways through the tiles, of equal bits, since both add the tiles of queries to dk
// and dv, and the tiles of keys to dq, in ascending order. By head: one thread does all of a
// (batch, kv_head), five products a pair of tiles. By tile: a unit is one tile of queries (dq) or
// of keys (dk, dv), seven products a pair, but there are many units.
#include <omp.h>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_tile.h"

namespace tutti::cpu::TUTTI_ISA {

namespace {

// Causal: the first query that sees key t.
TUTTI_INLINE int64_t first_query(const Attention& a, int64_t t) {
  return indices_before(a.queries, position_at(a.keys, t) - a.q_offset);
}

struct Operands {
  const float *dout, *q, *k, *v, *o, *lse_bhgs;
  float *dq, *dk, *dv;
};

// The buffers of one thread, and how a pair of tiles is worked on in them. First load_queries and
// load_keys, then weigh, then any of the add_ functions.
class GradTiles {
 public:
  static int64_t floats(const Attention& a) {
    return (3 * kQueryTile + 4 * kKeyTile) * padded_stride(a.head_dim) +
           2 * (a.head_dim + kKeyTile) * kQueryStride + 2 * kQueryTile;
  }

  GradTiles(const Head& head, const Operands& operands, float* buffer)
      : head_(head), in_(operands), stride_(padded_stride(head.shape.head_dim)) {
    const int64_t query_rows = kQueryTile * stride_, key_rows = kKeyTile * stride_;
    const int64_t columns = head.shape.head_dim * kQueryStride;
    Carver carver{buffer};
    query_ = carver.take(query_rows);
    dout_ = carver.take(query_rows);
    dq_ = carver.take(query_rows);
    key_ = carver.take(key_rows);
    value_ = carver.take(key_rows);
    dk_ = carver.take(key_rows);
    dv_ = carver.take(key_rows);
    query_columns_ = carver.take(columns);
    dout_columns_ = carver.take(columns);
    weights_tq_ = carver.take(kKeyTile * kQueryStride);
    dscores_tq_ = carver.take(kKeyTile * kQueryStride);
    lse_ = carver.take(kQueryTile);
    delta_ = carver.take(kQueryTile);
  }

  void load_queries(const QueryTile& queries);
  void load_keys(int64_t t0, int64_t n);
  void weigh(const QueryTile& queries, const DropoutRows& dropout, int64_t t0, int64_t n,
             Visibility seen);

  void zero_dq() { zero(dq_, kQueryTile); }
  void add_dq(const QueryTile& queries, int64_t t0, int64_t n);
  void store_dq(const QueryTile& queries);

  void zero_dk_dv() {
    zero(dk_, kKeyTile);
    zero(dv_, kKeyTile);
  }
  void load_dk_dv(int64_t t0, int64_t n);
  void add_dk_dv(const QueryTile& queries, int64_t t0, int64_t n);
  void store_dk_dv(int64_t t0, int64_t n);

 private:
  void zero(float* rows, int64_t count) {
    for (int64_t i = 0; i < count * stride_; i += kLanes) store(rows + i, VecF{});
  }
  template <bool kMask>
  void weigh_block(const QueryTile& queries, int64_t q, int64_t t0, int64_t n, int64_t seen);

  const Head& head_;
  const Operands& in_;
  int64_t stride_;  // of the buffers of rows
  float *query_, *dout_, *key_, *value_, *dq_, *dk_, *dv_;
  float *query_columns_, *dout_columns_, *weights_tq_, *dscores_tq_;
  float *lse_, *delta_;  // delta: sum over head_dim of dout * o
};

void GradTiles::load_queries(const QueryTile& queries) {
  const Attention& a = head_.shape;
  copy_queries(head_, in_.q, a.q_row, a.q_batch, queries, a.scale, stride_, query_);
  copy_queries(head_, in_.dout, a.o_row, a.o_batch, queries, 1.0f, stride_, dout_);
  transpose_queries(query_, stride_, queries.count, a.head_dim, query_columns_);
  transpose_queries(dout_, stride_, queries.count, a.head_dim, dout_columns_);
  for (int64_t r = 0; r < kQueryTile; ++r) {
    // A query that saw nothing (and the padding) gets lse = +inf, which makes its weights 0.
    lse_[r] = kInfinity;
    delta_[r] = 0.0f;
    if (r >= queries.count) continue;
    const float lse = in_.lse_bhgs[head_.lse_index(queries.first + r)];
    if (lse != -kInfinity) lse_[r] = lse;
    const float* const out = in_.o + head_.query_row(queries.first + r, a.o_row, a.o_batch);
    VecF products = {};
    for (int64_t i = 0; i < a.head_dim; i += kLanes) {
      const VecF x = load_first(out + i, smaller(kLanes, a.head_dim - i));
      products = fma(x, load(dout_ + r * stride_ + i), products);
    }
    delta_[r] = sum(products);
  }
}

void GradTiles::load_keys(int64_t t0, int64_t n) {
  const Attention& a = head_.shape;
  copy_keys(head_, in_.k, a.k_row, a.k_batch, t0, n, stride_, key_);
  copy_keys(head_, in_.v, a.v_row, a.v_batch, t0, n, stride_, value_);
}

// Turns the scores into weights and the gradients of the weights into those of the scores (before
// scaling), for one block of queries. What no query of it sees becomes zero.
template <bool kMask>
void GradTiles::weigh_block(const QueryTile& queries, int64_t q, int64_t t0, int64_t n,
                            int64_t seen) {
  const VecF lse[2] = {load(lse_ + q), load(lse_ + q + kLanes)};
  const VecF delta[2] = {load(delta_ + q), load(delta_ + q + kLanes)};
  for (int64_t t = 0; t < seen; ++t) {
    for (int j = 0; j < 2; ++j) {
      const int64_t at = t * kQueryStride + q + j * kLanes;
      VecF p = exp(load(weights_tq_ + at) - lse[j]);
      VecF ds = p * (load(dscores_tq_ + at) - delta[j]);
      if (kMask) {
        const VecI visible = sees(queries, q + j * kLanes, t0 + t);
        p = visible ? p : VecF{};
        ds = visible ? ds : VecF{};
      }
      store(weights_tq_ + at, p);
      store(dscores_tq_ + at, ds);
    }
  }
  zero_block(q, seen, round_up(n, kRowBlock), weights_tq_);
  zero_block(q, seen, round_up(n, kRowBlock), dscores_tq_);
}

void GradTiles::weigh(const QueryTile& queries, const DropoutRows& dropout, int64_t t0, int64_t n,
                      Visibility seen) {
  const int64_t head_dim = head_.shape.head_dim;
  const bool drops = head_.shape.dropout.p > 0;
  for (int64_t q = 0; q < queries.count; q += kColumnBlock) {
    const int64_t keys = queries.keys_seen(q, kColumnBlock, t0, n);
    score_block(q, keys, key_, stride_, query_columns_, head_dim, weights_tq_);
    score_block(q, keys, value_, stride_, dout_columns_, head_dim, dscores_tq_);
    if (drops) drop_block(head_, dropout, q, t0, keys, dscores_tq_);
    if (seen == Visibility::kAll) {
      weigh_block<false>(queries, q, t0, n, keys);
    } else {
      weigh_block<true>(queries, q, t0, n, keys);
    }
    // dv takes the weights as they were after dropout, the softmax as they were before.
    if (drops) drop_block(head_, dropout, q, t0, keys, weights_tq_);
  }
}

void GradTiles::add_dq(const QueryTile& queries, int64_t t0, int64_t n) {
  add_over_keys(queries, t0, n, dscores_tq_, key_, stride_, head_.shape.head_dim, nullptr, dq_);
}

void GradTiles::store_dq(const QueryTile& queries) {
  const Attention& a = head_.shape;
  for (int64_t r = 0; r < queries.count; ++r) {
    store_row(dq_ + r * stride_, a.scale, a.head_dim,
              in_.dq + head_.query_row(queries.first + r, a.q_row, a.q_batch));
  }
}

void GradTiles::load_dk_dv(int64_t t0, int64_t n) {
  const Attention& a = head_.shape;
  copy_keys(head_, in_.dk, a.k_row, a.k_batch, t0, n, stride_, dk_);
  copy_keys(head_, in_.dv, a.v_row, a.v_batch, t0, n, stride_, dv_);
}

void GradTiles::add_dk_dv(const QueryTile& queries, int64_t t0, int64_t n) {
  const Attention& a = head_.shape;
  for (int64_t t = 0; t < n; t += kRowBlock) {
    // Causal: the first row that sees key t0 + t; those before it see none of the block.
    const int64_t row = a.causal ? first_query(a, t0 + t) * a.group - queries.first : 0;
    const int64_t begin = larger(0, row), depth = queries.count - begin;
    if (depth <= 0) return;
    const int64_t weights = t * kQueryStride + begin;
    for (int64_t i = 0; i < a.head_dim; i += kColumnBlock) {
      const int64_t from = begin * stride_ + i, to = t * stride_ + i;
      block_product<false, Start::kAdd>(weights_tq_ + weights, kQueryStride, dout_ + from, stride_,
                                        depth, dv_ + to, stride_, nullptr);
      block_product<false, Start::kAdd>(dscores_tq_ + weights, kQueryStride, query_ + from, stride_,
                                        depth, dk_ + to, stride_, nullptr);
    }
  }
}

void GradTiles::store_dk_dv(int64_t t0, int64_t n) {
  const Attention& a = head_.shape;
  for (int64_t t = 0; t < n; ++t) {
    store_row(dk_ + t * stride_, 1.0f, a.head_dim,
              in_.dk + head_.key_row(t0 + t, a.k_row, a.k_batch));
    store_row(dv_ + t * stride_, 1.0f, a.head_dim,
              in_.dv + head_.key_row(t0 + t, a.v_row, a.v_batch));
  }
}

void grad_of_head(const Head& head, const Operands& operands, float* buffer) {
  const Attention& a = head.shape;
  GradTiles tiles(head, operands, buffer);
  tiles.zero_dk_dv();
  for (int64_t t0 = 0; t0 < a.kv_len; t0 += kKeyTile) {
    tiles.store_dk_dv(t0, smaller(kKeyTile, a.kv_len - t0));
  }
  for (int64_t first = 0; first < a.q_len * a.group; first += kQueryTile) {
    const QueryTile queries(head, first);
    const DropoutRows dropout(head, queries);
    tiles.load_queries(queries);
    tiles.zero_dq();
    for (int64_t t0 = queries.key_begin / kKeyTile * kKeyTile; t0 < queries.key_end;
         t0 += kKeyTile) {
      const int64_t n = smaller(kKeyTile, queries.key_end - t0);
      const Visibility seen = visibility(queries, t0, n);
      if (seen == Visibility::kNone) continue;
      tiles.load_keys(t0, n);
      tiles.load_dk_dv(t0, n);
      tiles.weigh(queries, dropout, t0, n, seen);
      tiles.add_dq(queries, t0, n);
      tiles.add_dk_dv(queries, t0, n);
      tiles.store_dk_dv(t0, n);
    }
    tiles.store_dq(queries);
  }
}

void grad_of_query_tile(const Head& head, const Operands& operands, int64_t first, float* buffer) {
  GradTiles tiles(head, operands, buffer);
  const QueryTile queries(head, first);
  const DropoutRows dropout(head, queries);
  tiles.load_queries(queries);
  tiles.zero_dq();
  for (int64_t t0 = queries.key_begin / kKeyTile * kKeyTile; t0 < queries.key_end; t0 += kKeyTile) {
    const int64_t n = smaller(kKeyTile, queries.key_end - t0);
    const Visibility seen = visibility(queries, t0, n);
    if (seen == Visibility::kNone) continue;
    tiles.load_keys(t0, n);
    tiles.weigh(queries, dropout, t0, n, seen);
    tiles.add_dq(queries, t0, n);
  }
  tiles.store_dq(queries);
}

void grad_of_key_tile(const Head& head, const Operands& operands, int64_t t0, float* buffer) {
  const Attention& a = head.shape;
  GradTiles tiles(head, operands, buffer);
  const int64_t keys = smaller(kKeyTile, a.kv_len - t0);
  tiles.load_keys(t0, keys);
  tiles.zero_dk_dv();
  // Causal: no tile before that of the first query that sees key t0.
  const int64_t row = a.causal ? larger(0, first_query(a, t0) * a.group) : 0;
  for (int64_t first = row / kQueryTile * kQueryTile; first < a.q_len * a.group;
       first += kQueryTile) {
    const QueryTile queries(head, first);
    const DropoutRows dropout(head, queries);
    const int64_t n = smaller(keys, queries.key_end - t0);
    if (n <= 0) continue;
    const Visibility seen = visibility(queries, t0, n);
    if (seen == Visibility::kNone) continue;
    tiles.load_queries(queries);
    tiles.weigh(queries, dropout, t0, n, seen);
    tiles.add_dk_dv(queries, t0, n);
  }
  tiles.store_dk_dv(t0, keys);
}

// Whether whole heads keep `threads` busy so well that seven products instead of five cost more.
bool heads_suffice(int64_t heads, int64_t threads) {
  const int64_t rounds = (heads + threads - 1) / threads;
  return 5 * rounds * threads <= 7 * heads;
}

}  // namespace

size_t attention_grad_workspace_bytes(const Attention& a, int threads) {
  return static_cast<size_t>(threads * round_up(GradTiles::floats(a), 16)) * sizeof(float) + 64;
}

void attention_grad(const Attention& a, const float* dout, const float* q, const float* k,
                    const float* v, const float* o, const float* lse_bhgs, float* dq, float* dk,
                    float* dv, void* workspace, int threads) {
  const Operands operands{dout, q, k, v, o, lse_bhgs, dq, dk, dv};
  const int64_t heads = a.batch * a.kv_heads, floats = round_up(GradTiles::floats(a), 16);
  float* const scratch = align_to_line(workspace);
  const bool by_head = heads_suffice(heads, threads);
  const int64_t key_tiles = by_head ? 0 : (a.kv_len + kKeyTile - 1) / kKeyTile;
  const int64_t query_tiles = by_head ? 0 : (a.q_len * a.group + kQueryTile - 1) / kQueryTile;
  const int64_t units = by_head ? 1 : key_tiles + query_tiles;  // of a head
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t index = 0; index < heads * units; ++index) {
    // When causal, the first tiles of keys and the last of queries have the most to do.
    const int64_t unit = index % units, head_index = index / units;
    const Head head{a, head_index / a.kv_heads, head_index % a.kv_heads};
    float* const own = scratch + omp_get_thread_num() * floats;
    if (by_head) {
      grad_of_head(head, operands, own);
    } else if (unit < key_tiles) {
      grad_of_key_tile(head, operands, unit * kKeyTile, own);
    } else {
      grad_of_query_tile(head, operands, (units - 1 - unit) * kQueryTile, own);
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
