#include "kernels/cpu/attention_tile.h"

#include "kernels/cpu/philox.h"

namespace tutti::cpu::TUTTI_ISA {

namespace {

constexpr int32_t kFirstOfAll = INT32_MIN, kLastOfAll = INT32_MAX;

TUTTI_INLINE int32_t clamp_key(int64_t key) {
  return static_cast<int32_t>(larger(kFirstOfAll, smaller(kLastOfAll, key)));
}

TUTTI_INLINE void copy_row(const float* source, int64_t count, float factor, int64_t width,
                           float* row) {
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t left = larger(0, smaller(kLanes, count - i));
    store(row + i, factor * (left == kLanes ? load(source + i) : load_first(source + i, left)));
  }
}

void zero_rows(float* rows, int64_t begin, int64_t end, int64_t stride) {
  for (int64_t i = begin * stride; i < end * stride; i += kLanes) store(rows + i, VecF{});
}

}  // namespace

QueryTile::QueryTile(const Head& head, int64_t first_row) : first(first_row) {
  const Attention& a = head.shape;
  count = smaller(kQueryTile, a.q_len * a.group - first);
  kv_segments = a.kv_segments == nullptr ? nullptr : a.kv_segments + head.b * a.kv_len;
  segment_min = INT32_MAX;
  segment_max = INT32_MIN;
  for (int64_t i = 0; i < kQueryTile; ++i) {
    const int64_t s = (first + smaller(i, count - 1)) / a.group;
    const int64_t next = position_at(a.queries, s) + a.q_offset + 1;
    last_key[i] = a.causal ? clamp_key(indices_before(a.keys, next) - 1) : kLastOfAll;
    first_key[i] = a.window > 0 ? clamp_key(indices_before(a.keys, next - a.window)) : kFirstOfAll;
    segment[i] = kv_segments == nullptr ? 0 : a.q_segments[head.b * a.q_len + s];
    if (segment[i] < segment_min) segment_min = segment[i];
    if (segment[i] > segment_max) segment_max = segment[i];
  }
  key_begin = larger(0, first_key[0]);
  key_end = smaller(a.kv_len, int64_t{last_key[count - 1]} + 1);
  whole_begin = first_key[count - 1];
  whole_end = int64_t{last_key[0]} + 1;
}

DropoutRows::DropoutRows(const Head& head, const QueryTile& queries) {
  const Attention& a = head.shape;
  if (a.dropout.p == 0) return;
  for (int64_t i = 0; i < kQueryTile; ++i) {
    const int64_t r = queries.first + smaller(i, queries.count - 1);
    const int64_t position = position_at(a.queries, r / a.group);
    const uint64_t first = a.dropout.first_counter(head.b, head.h, r % a.group, position);
    low[i] = static_cast<uint32_t>(first);
    high[i] = static_cast<uint32_t>(first >> 32);
  }
}

void drop_block(const Head& head, const DropoutRows& rows, int64_t q, int64_t t0, int64_t seen,
                float* s_tq) {
  const AttentionDropout& dropout = head.shape.dropout;
  const VecF factor = broadcast(1.0f / (1.0f - dropout.p));
  for (int j = 0; j < 2; ++j) {
    VecU low, high, words[4];
    __builtin_memcpy(&low, rows.low + q + j * kLanes, sizeof low);
    __builtin_memcpy(&high, rows.high + q + j * kLanes, sizeof high);
    uint64_t drawn = UINT64_MAX;  // the four keys that the words are of
    for (int64_t t = 0; t < seen; ++t) {
      const int64_t position = position_at(head.shape.keys, t0 + t);
      const uint64_t key = static_cast<uint64_t>(position + dropout.t0);
      if (key / 4 != drawn) {
        drawn = key / 4;
        const VecU add = broadcast(static_cast<uint32_t>(drawn));
        const VecU sum = low + add;
        // A carry is -1 in a mask. Counters of one row span less than 2^32.
        philox_lanes(dropout.key, sum, high - (VecU)(sum < add), words);
      }
      float* const at = s_tq + t * kQueryStride + q + j * kLanes;
      const VecI keep = uniform_lanes(words[key % 4]) >= dropout.p;
      store(at, keep ? load(at) * factor : VecF{});
    }
  }
}

Visibility visibility(const QueryTile& queries, int64_t t0, int64_t n) {
  if (t0 >= queries.key_end || t0 + n <= queries.key_begin) return Visibility::kNone;
  bool all = t0 >= queries.whole_begin && t0 + n <= queries.whole_end;
  if (queries.kv_segments != nullptr) {
    int32_t min = INT32_MAX, max = INT32_MIN;
    for (int64_t t = t0; t < t0 + n; ++t) {
      const int32_t segment = queries.kv_segments[t];
      min = segment < min ? segment : min;
      max = segment > max ? segment : max;
    }
    if (max < queries.segment_min || min > queries.segment_max) return Visibility::kNone;
    all = all && min == max && queries.segment_min == queries.segment_max;
  }
  return all ? Visibility::kAll : Visibility::kPart;
}

void copy_keys(const Head& head, const float* source, int64_t row, int64_t batch, int64_t t0,
               int64_t n, int64_t stride, float* rows_tk) {
  const int64_t width = round_up(head.shape.head_dim, kColumnBlock);
  for (int64_t t = 0; t < n;) {
    const float* from = source + head.key_row(t0 + t, row, batch);
    const int64_t end = t + rows_together(head.shape.keys, t0 + t, n - t);
    for (; t < end; ++t, from += row) {
      copy_row(from, head.shape.head_dim, 1.0f, width, rows_tk + t * stride);
    }
  }
  zero_rows(rows_tk, n, round_up(n, kRowBlock), stride);
}

void copy_queries(const Head& head, const float* source, int64_t row, int64_t batch,
                  const QueryTile& queries, float factor, int64_t stride, float* rows_qk) {
  const int64_t width = round_up(head.shape.head_dim, kColumnBlock);
  for (int64_t r = 0; r < queries.count; ++r) {
    copy_row(source + head.query_row(queries.first + r, row, batch), head.shape.head_dim, factor,
             width, rows_qk + r * stride);
  }
  zero_rows(rows_qk, queries.count, round_up(queries.count, kColumnBlock), stride);
}

void transpose_queries(const float* rows_qk, int64_t stride, int64_t count, int64_t head_dim,
                       float* columns_kq) {
  for (int64_t r0 = 0; r0 < round_up(count, kColumnBlock); r0 += kLanes) {
    for (int64_t i = 0; i < head_dim; ++i) {
      VecF column;
      for (int r = 0; r < kLanes; ++r) column[r] = rows_qk[(r0 + r) * stride + i];
      store(columns_kq + i * kQueryStride + r0, column);
    }
  }
}

void score_block(int64_t q, int64_t seen, const float* rows_tk, int64_t stride,
                 const float* columns_kq, int64_t head_dim, float* s_tq) {
  for (int64_t t = 0; t < seen; t += kRowBlock) {
    block_product<false, Start::kZero>(rows_tk + t * stride, stride, columns_kq + q, kQueryStride,
                                       head_dim, s_tq + t * kQueryStride + q, kQueryStride,
                                       nullptr);
  }
}

void add_over_keys(const QueryTile& queries, int64_t t0, int64_t n, const float* s_tq,
                   const float* rows_tk, int64_t stride, int64_t head_dim, const float* factor,
                   float* out_qk) {
  for (int64_t q = 0; q < queries.count; q += kRowBlock) {
    const int64_t seen = queries.keys_seen(q, kRowBlock, t0, n);
    for (int64_t i = 0; i < head_dim; i += kColumnBlock) {
      float* const out = out_qk + q * stride + i;
      if (factor == nullptr) {
        block_product<true, Start::kAdd>(s_tq + q, kQueryStride, rows_tk + i, stride, seen, out,
                                         stride, nullptr);
      } else {
        block_product<true, Start::kScaleRows>(s_tq + q, kQueryStride, rows_tk + i, stride, seen,
                                               out, stride, factor + q);
      }
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
