// A matrix times one vector: what a product is for a single token. Internal to the matrix products.
//
// Each weight is read once and used once, so the cost is the bandwidth of memory: rows go through
// in order, a few at a time, and what comes next is fetched across the ends of pages, where the
// hardware does not foresee it. A result's bits depend on its row, x and k alone.
#pragma once

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr int64_t kGemvRows = 4;    // that share a load of x
constexpr int64_t kGemvChunk = 16;  // rows that a thread takes at once
constexpr int64_t kGemvAhead = 8192;  // bytes

// s[r] = row r of w . x, for kRows rows.
template <int64_t kRows, typename Weight>
TUTTI_INLINE void dot_rows(const Weight* w, int64_t ldw, const float* x, int64_t k, float* s) {
  VecF sums[kRows] = {};
  const int64_t whole = k / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const VecF v = load(x + i);
#pragma GCC unroll 4
    for (int64_t r = 0; r < kRows; ++r) {
      const Weight* const at = w + r * ldw + i;
      __builtin_prefetch(reinterpret_cast<const char*>(at) + kGemvAhead);
      sums[r] = fma(v, load(at), sums[r]);
    }
  }
  if (whole < k) {
    const VecF v = load_first(x + whole, k - whole);
#pragma GCC unroll 4
    for (int64_t r = 0; r < kRows; ++r) {
      sums[r] = fma(v, load_first(w + r * ldw + whole, k - whole), sums[r]);
    }
  }
#pragma GCC unroll 4
  for (int64_t r = 0; r < kRows; ++r) s[r] = sum(sums[r]);
}

// finish(j, dot) gets the dot product of x_k and row j of w_nk, whose rows are `ldw` elements apart.
template <typename Weight, typename Finish>
void gemv(const Weight* w_nk, int64_t ldw, const float* x_k, int64_t n, int64_t k, int threads,
          const Finish& finish) {
  constexpr int64_t kWorthThreads = 1 << 14;  // elements; below it a thread costs more than it saves
  const int64_t chunks = (n + kGemvChunk - 1) / kGemvChunk;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n * k >= kWorthThreads)
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    const int64_t first = chunk * kGemvChunk;
    const int64_t end = first + kGemvChunk < n ? first + kGemvChunk : n;
    int64_t j = first;
    float s[kGemvRows];
    for (; j + kGemvRows <= end; j += kGemvRows) {
      dot_rows<kGemvRows>(w_nk + j * ldw, ldw, x_k, k, s);
      for (int64_t r = 0; r < kGemvRows; ++r) finish(j + r, s[r]);
    }
    for (; j < end; ++j) {
      dot_rows<1>(w_nk + j * ldw, ldw, x_k, k, s);
      finish(j, s[0]);
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::TUTTI_ISA
