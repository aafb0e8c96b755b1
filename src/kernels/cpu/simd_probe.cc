#include "kernels/cpu/simd_probe.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

template <typename Function>
TUTTI_INLINE void map(const float* x, int64_t count, float* y, const Function& function) {
  for_each_vector(0, count,
                  [=](int64_t i, auto lanes) { lanes.store(y + i, function(lanes.load(x + i))); });
}

}  // namespace

extern constinit const SimdProbe kSimdProbe = {
    .name = TUTTI_ISA_NAME,
    .lanes = kLanes,
    .exp = [](const float* x, int64_t n, float* y) { map(x, n, y, [](VecF v) { return exp(v); }); },
    .log = [](const float* x, int64_t n, float* y) { map(x, n, y, [](VecF v) { return log(v); }); },
    .tanh = [](const float* x, int64_t n,
               float* y) { map(x, n, y, [](VecF v) { return tanh(v); }); },
    .sigmoid = [](const float* x, int64_t n,
                  float* y) { map(x, n, y, [](VecF v) { return sigmoid(v); }); },
    .copy_first = [](const float* x, int64_t n, float* y) { store_first(y, load_first(x, n), n); },
    .sum = [](const float* x) { return sum(load(x)); },
    .max = [](const float* x) { return max(load(x)); },
};

}  // namespace tutti::cpu::TUTTI_ISA
