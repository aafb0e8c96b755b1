#include "kernels/cpu/elementwise.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {

void add(const float* a, const float* b, int64_t count, float* y, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    lanes.store(y + i, lanes.load(a + i) + lanes.load(b + i));
  });
}

void scale(const float* x, const float* factor, int64_t count, float* y, int threads) {
  const VecF f = broadcast(*factor);
  parallel_for_each_vector(
      count, threads, [=](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(x + i) * f); });
}

void fill(float value, int64_t count, float* y, int threads) {
  const VecF v = broadcast(value);
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) { lanes.store(y + i, v); });
}

}  // namespace tutti::cpu::TUTTI_ISA
