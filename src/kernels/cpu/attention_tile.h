// Tiles of queries and keys: what attention and its gradient share. Internal to the two.
//
// A tile has at most kQueryTile rows of queries (in the row order of attention.h) or kKeyTile keys;
// a key tile begins at a multiple of kKeyTile whatever the query, so that each query adds up its
// keys in the same chunks. Scores lie as s_tq (keys in rows, queries in vector lanes): the softmax
// of a query is then plain vector arithmetic, and both of its products read what is dense.
//
// All products are block_product, one accumulator an element, summed in index order, so an element
// has the same bits wherever in a tile it lies. Buffers are padded to whole blocks; what is
// computed in the padding is never read. Parts of a tile that no query of a block sees are left
// out, which changes no bit, since they would add exact zeros.
#pragma once

#include "kernels/cpu/attention_positions.h"
#include "kernels/cpu/simd.h"

namespace tutti::cpu::TUTTI_ISA {

// Multiples of the blocks below; together they fill about half of a 512 KiB cache.
inline constexpr int64_t kQueryTile = 192, kKeyTile = 96;
inline constexpr int64_t kRowBlock = kLanes == 16 ? 12 : 6;
inline constexpr int64_t kColumnBlock = 2 * kLanes;
static_assert(kQueryTile % kRowBlock == 0 && kQueryTile % kColumnBlock == 0);
static_assert(kKeyTile % kRowBlock == 0);

inline constexpr float kInfinity = __builtin_inff();

TUTTI_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
TUTTI_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
TUTTI_INLINE int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Floats from one row of a buffer to the next for rows of n: whole blocks, in an odd number of
// cache lines, so that a column does not fall into few sets of the cache.
TUTTI_INLINE constexpr int64_t padded_stride(int64_t n) {
  const int64_t lines = (n + kColumnBlock - 1) / kColumnBlock * kColumnBlock;
  return ((lines + 15) / 16 | 1) * 16;
}
inline constexpr int64_t kQueryStride = padded_stride(kQueryTile);  // of s_tq and columns_kq

// Cuts one thread's part of the workspace into buffers, each on its own cache lines.
struct Carver {
  float* next;

  TUTTI_INLINE float* take(int64_t floats) {
    float* const buffer = next;
    next += round_up(floats, 16);
    return buffer;
  }
};
TUTTI_INLINE float* align_to_line(void* workspace) {
  return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(workspace) + 63) & ~uintptr_t{63});
}

// One (batch, kv_head), and where its rows are in an operand of the given strides.
struct Head {
  const Attention& shape;
  int64_t b, h;

  TUTTI_INLINE int64_t query_row(int64_t r, int64_t row, int64_t batch) const {
    const int64_t s = row_at(shape.queries, r / shape.group), member = r % shape.group;
    return b * batch + s * row + (h * shape.group + member) * shape.head_dim;
  }
  TUTTI_INLINE int64_t key_row(int64_t t, int64_t row, int64_t batch) const {
    return b * batch + row_at(shape.keys, t) * row + h * shape.head_dim;
  }
  TUTTI_INLINE int64_t lse_index(int64_t r) const {
    const int64_t s = row_at(shape.queries, r / shape.group), member = r % shape.group;
    return ((b * shape.kv_heads + h) * shape.group + member) * shape.q_len + s;
  }
};

// Rows [first, first + count) of a head and which keys each of them sees.
struct QueryTile {
  int64_t first, count;
  int64_t key_begin, key_end;      // keys that some row may see, segments aside
  int64_t whole_begin, whole_end;  // keys that all rows see, segments aside
  const int32_t* kv_segments;      // of this sequence, or null
  int32_t segment_min, segment_max;
  // By row, padded with the last: the keys it sees lie in [first_key, last_key].
  alignas(64) int32_t first_key[kQueryTile], last_key[kQueryTile], segment[kQueryTile];

  QueryTile(const Head& head, int64_t first_row);

  // How many of the n keys from t0 on the rows [row, row + rows) may see: none sees a later one.
  TUTTI_INLINE int64_t keys_seen(int64_t row, int64_t rows, int64_t t0, int64_t n) const {
    const int64_t last = last_key[smaller(row + rows, count) - 1];
    return smaller(n, larger(0, last + 1 - t0));
  }
};

enum class Visibility { kNone, kPart, kAll };

// Of the n keys from t0 on for the rows of the tile.
Visibility visibility(const QueryTile& queries, int64_t t0, int64_t n);

// Which queries of the vector from row `row` on see key t.
TUTTI_INLINE VecI sees(const QueryTile& queries, int64_t row, int64_t t) {
  VecI first, last, segment;
  __builtin_memcpy(&first, queries.first_key + row, sizeof first);
  __builtin_memcpy(&last, queries.last_key + row, sizeof last);
  const VecI key = broadcast(static_cast<int32_t>(t));
  const VecI in_range = (key >= first) & (key <= last);
  if (queries.kv_segments == nullptr) return in_range;
  __builtin_memcpy(&segment, queries.segment + row, sizeof segment);
  return in_range & (segment == broadcast(queries.kv_segments[t]));
}

// Writes `count` floats times a factor; a whole vector without a mask, which some CPUs store
// slowly.
TUTTI_INLINE void store_row(const float* from, float factor, int64_t count, float* to) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const VecF x = load(from + i) * factor;
    if (count - i >= kLanes) {
      store(to + i, x);
    } else {
      store_first(to + i, x, count - i);
    }
  }
}

// What keys the random numbers of dropout for the rows of a tile; unset where p is 0.
struct DropoutRows {
  alignas(64) uint32_t low[kQueryTile], high[kQueryTile];  // of the row's first counter

  DropoutRows(const Head& head, const QueryTile& queries);
};

// Multiplies what lies in s_tq for the first `seen` keys from t0 on and the block of queries from q
// on by 0 or 1 / (1 - p).
void drop_block(const Head& head, const DropoutRows& rows, int64_t q, int64_t t0, int64_t seen,
                float* s_tq);

// Copies n rows of head_dim to rows of `stride`, filled with zeros to whole blocks both ways.
void copy_keys(const Head& head, const float* source, int64_t row, int64_t batch, int64_t t0,
               int64_t n, int64_t stride, float* rows_tk);
void copy_queries(const Head& head, const float* source, int64_t row, int64_t batch,
                  const QueryTile& queries, float factor, int64_t stride, float* rows_qk);

// columns[i][r] = rows[r][i]: head_dim x kQueryStride, `count` rows rounded up to a column block.
void transpose_queries(const float* rows_qk, int64_t stride, int64_t count, int64_t head_dim,
                       float* columns_kq);

// What an accumulator starts from: zero, c, or c times the row's factor.
enum class Start { kZero, kAdd, kScaleRows };

// c[i][j] = start + sum over d < depth of a(i, d) b[d][j] for a block of kRowBlock x kColumnBlock,
// where a(i, d) is a[i * lda + d], or a[d * lda + i] when kTransposed. `factor` is by row i.
template <bool kTransposed, Start kStart>
TUTTI_INLINE void block_product(const float* a, int64_t lda, const float* b, int64_t ldb,
                                int64_t depth, float* c, int64_t ldc, const float* factor) {
  VecF sum[kRowBlock][2];
#pragma GCC unroll 12
  for (int i = 0; i < kRowBlock; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      sum[i][j] = kStart == Start::kZero ? VecF{} : load(c + i * ldc + j * kLanes);
      if (kStart == Start::kScaleRows) sum[i][j] *= factor[i];
    }
  }
  for (int64_t d = 0; d < depth; ++d) {
    const VecF b0 = load(b + d * ldb), b1 = load(b + d * ldb + kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < kRowBlock; ++i) {
      const VecF x = broadcast(kTransposed ? a[d * lda + i] : a[i * lda + d]);
      sum[i][0] = fma(x, b0, sum[i][0]);
      sum[i][1] = fma(x, b1, sum[i][1]);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kRowBlock; ++i) {
    store(c + i * ldc, sum[i][0]);
    store(c + i * ldc + kLanes, sum[i][1]);
  }
}

// s_tq = rows_tk columns_kq for the first `seen` keys and the block of queries from q on: the
// scores, or the gradient of the weights.
void score_block(int64_t q, int64_t seen, const float* rows_tk, int64_t stride,
                 const float* columns_kq, int64_t head_dim, float* s_tq);

// Zero for the keys [begin, end) and the block of queries from q on.
TUTTI_INLINE void zero_block(int64_t q, int64_t begin, int64_t end, float* s_tq) {
  for (int64_t t = begin; t < end; ++t) {
    for (int j = 0; j < 2; ++j) store(s_tq + t * kQueryStride + q + j * kLanes, VecF{});
  }
}

// out_qk (+)= s_tq^T rows_tk over the n keys from t0 on; with a factor (by row), out_qk is first
// multiplied by it.
void add_over_keys(const QueryTile& queries, int64_t t0, int64_t n, const float* s_tq,
                   const float* rows_tk, int64_t stride, int64_t head_dim, const float* factor,
                   float* out_qk);

}  // namespace tutti::cpu::TUTTI_ISA
