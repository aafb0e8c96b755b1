#include "kernels/cpu/embedding.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

struct Range {
  int64_t begin, end;
};

// Part `index` of `parts` of d columns, cut at cache lines so that threads do not share one.
Range columns_of(int64_t d, int64_t index, int64_t parts) {
  const int64_t lines = (d + kCacheLine - 1) / kCacheLine;
  const int64_t begin = lines * index / parts * kCacheLine;
  const int64_t end = lines * (index + 1) / parts * kCacheLine;
  return {begin < d ? begin : d, end < d ? end : d};
}

}  // namespace

void embedding(const int32_t* ids_n, const float* w_vd, int64_t n, int64_t rows, int64_t d,
               int64_t first_row, float* out_nd, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n > 1)
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = ids_n[i] - first_row;
    float* out = out_nd + i * d;
    if (row >= 0 && row < rows) {
      __builtin_memcpy(out, w_vd + row * d, static_cast<size_t>(d) * sizeof(float));
    } else {
      __builtin_memset(out, 0, static_cast<size_t>(d) * sizeof(float));
    }
  }
}

void embedding_bf16(const int32_t* ids_n, const uint16_t* w_vd, int64_t n, int64_t rows, int64_t d,
                    int64_t first_row, float* out_nd, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n > 1)
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = ids_n[i] - first_row;
    float* out = out_nd + i * d;
    if (row >= 0 && row < rows) {
      const uint16_t* w = w_vd + row * d;
      for_each_vector(0, d,
                      [=](int64_t j, auto lanes) { lanes.store(out + j, lanes.load(w + j)); });
    } else {
      __builtin_memset(out, 0, static_cast<size_t>(d) * sizeof(float));
    }
  }
}

// A thread owns a range of columns and goes through the tokens in order, so that the order of the
// additions to a row depends on nothing else, and frequent tokens do not unbalance the threads.
void embedding_grad(const int32_t* ids_n, const float* dy_nd, int64_t n, int64_t rows, int64_t d,
                    int64_t first_row, float* dw_vd, bool accumulate, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int64_t part = 0; part < threads; ++part) {
    const Range columns = columns_of(d, part, threads);
    const int64_t width = columns.end - columns.begin;
    if (width == 0) continue;
    for (int64_t row = 0; row < rows && !accumulate; ++row) {
      __builtin_memset(dw_vd + row * d + columns.begin, 0,
                       static_cast<size_t>(width) * sizeof(float));
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = ids_n[i] - first_row;
      if (row < 0 || row >= rows) continue;
      const float* dy = dy_nd + i * d + columns.begin;
      float* dw = dw_vd + row * d + columns.begin;
      for (int64_t j = 0; j < width; ++j) dw[j] += dy[j];
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
