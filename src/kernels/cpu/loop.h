// Loops over vectors: whole vectors first, then one masked vector with the same body.
//
// A body is called as body(i, lanes), where `lanes` loads and stores at element i: AllLanes, or
// FirstLanes for the tail. Bodies capture by value, so that pointers stay in registers across
// stores.
#pragma once

#include "kernels/cpu/simd.h"

namespace tutti::cpu::TUTTI_ISA {

struct AllLanes {
  TUTTI_INLINE VecF load(const float* p) const { return TUTTI_ISA::load(p); }
  TUTTI_INLINE VecF load(const uint16_t* p) const { return TUTTI_ISA::load(p); }  // bfloat16
  TUTTI_INLINE void store(float* p, VecF v) const { TUTTI_ISA::store(p, v); }
  TUTTI_INLINE void store_truncated(uint16_t* p, VecF v) const {
    TUTTI_ISA::store_truncated(p, v);
  }
  TUTTI_INLINE VecF keep(VecF v) const { return v; }
};

struct FirstLanes {
  int64_t count;

  TUTTI_INLINE VecF load(const float* p) const { return load_first(p, count); }
  TUTTI_INLINE VecF load(const uint16_t* p) const { return load_first(p, count); }
  TUTTI_INLINE void store(float* p, VecF v) const { store_first(p, v, count); }
  TUTTI_INLINE void store_truncated(uint16_t* p, VecF v) const {
    store_truncated_first(p, v, count);
  }
  // Zero in the lanes behind, for a sum.
  TUTTI_INLINE VecF keep(VecF v) const { return iota() < static_cast<int32_t>(count) ? v : VecF{}; }
};

namespace {

template <typename Body>
TUTTI_INLINE void for_each_vector(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, AllLanes{});
  if (i < end) body(i, FirstLanes{end - i});
}

// As for_each_vector over [0, count) by `threads` threads, each taking one contiguous range.
template <typename Body>
TUTTI_INLINE void parallel_for_each_vector(int64_t count, int threads, const Body& body) {
  constexpr int64_t kBlock = 4096;  // below it a thread costs more than it saves
  const int64_t blocks = (count + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && blocks > 1)
  for (int64_t block = 0; block < blocks; ++block) {
    const Body local = body;
    const int64_t end = (block + 1) * kBlock;
    for_each_vector(block * kBlock, end < count ? end : count, local);
  }
}

// Sums over one row of d elements, kSums at a time: term(i, lanes, sums) adds to its VecF[kSums].
// The order depends on d alone: four interleaved partial sums, then the lanes.
template <int kSums, typename Term>
TUTTI_INLINE void row_sums(int64_t d, float (&out)[kSums], const Term& term) {
  VecF partial[4][kSums] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= d; i += 4 * kLanes) {
    for (int u = 0; u < 4; ++u) term(i + u * kLanes, AllLanes{}, partial[u]);
  }
  for_each_vector(i, d, [&](int64_t j, auto lanes) { term(j, lanes, partial[0]); });
  for (int k = 0; k < kSums; ++k) {
    out[k] = sum((partial[0][k] + partial[1][k]) + (partial[2][k] + partial[3][k]));
  }
}

// Sums over n rows for each of d columns: term(row, column, lanes, sums) adds to its VecF[kSums];
// out[k] (+)= sum k. Blocks of rows are summed one row after the other and then added in order,
// which keeps the rounding error small over many rows. Threads take ranges of columns, so the
// order depends on n alone.
template <int kSums, typename Term>
TUTTI_INLINE void column_sums(int64_t n, int64_t d, float* const (&out)[kSums], bool accumulate,
                              int threads, const Term& term) {
  constexpr int64_t kRows = 128, kColumns = 512, kAlign = 16;
  const int64_t workers = threads > 1 ? threads : 1;
  const int64_t tiles = workers * ((d + kColumns * workers - 1) / (kColumns * workers));
  const int64_t share = tiles > 0 ? (d + tiles - 1) / tiles : 0;
  const int64_t width = (share + kAlign - 1) / kAlign * kAlign;
  float* outs[kSums];
  for (int k = 0; k < kSums; ++k) outs[k] = out[k];
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const Term local = term;
    const int64_t first = tile * width, last = first + width < d ? first + width : d;
    if (first >= last) continue;
    alignas(64) float total[kSums][kColumns] = {}, block[kSums][kColumns];
    for (int64_t row = 0; row < n; row += kRows) {
      const int64_t end = row + kRows < n ? row + kRows : n;
      for (int k = 0; k < kSums; ++k) __builtin_memset(block[k], 0, sizeof block[k]);
      int64_t r = row;
      for (; r + 4 <= end; r += 4) {
        for_each_vector(first, last, [&](int64_t j, auto lanes) {
          VecF sums[kSums];
          for (int k = 0; k < kSums; ++k) sums[k] = load(block[k] + (j - first));
          for (int u = 0; u < 4; ++u) local(r + u, j, lanes, sums);
          for (int k = 0; k < kSums; ++k) store(block[k] + (j - first), sums[k]);
        });
      }
      for (; r < end; ++r) {
        for_each_vector(first, last, [&](int64_t j, auto lanes) {
          VecF sums[kSums];
          for (int k = 0; k < kSums; ++k) sums[k] = load(block[k] + (j - first));
          local(r, j, lanes, sums);
          for (int k = 0; k < kSums; ++k) store(block[k] + (j - first), sums[k]);
        });
      }
      for (int k = 0; k < kSums; ++k) {
        for (int64_t j = 0; j < kColumns; ++j) total[k][j] += block[k][j];
      }
    }
    for (int k = 0; k < kSums; ++k) {
      for_each_vector(first, last, [&](int64_t j, auto lanes) {
        const VecF sum = load(total[k] + (j - first));
        lanes.store(outs[k] + j, accumulate ? lanes.load(outs[k] + j) + sum : sum);
      });
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::TUTTI_ISA
