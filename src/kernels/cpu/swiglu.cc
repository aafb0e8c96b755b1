// swiglu(gate, up) = gate sigmoid(gate) up (Shazeer 2020).
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {

void swiglu(const float* gate, const float* up, int64_t count, float* y, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    const VecF g = lanes.load(gate + i);
    lanes.store(y + i, g * sigmoid(g) * lanes.load(up + i));
  });
}

void swiglu_grad(const float* dy, const float* gate, const float* up, int64_t count, float* dgate,
                 float* dup, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    const VecF g = lanes.load(gate + i), u = lanes.load(up + i), d = lanes.load(dy + i);
    const VecF s = sigmoid(g);
    lanes.store(dgate + i, d * u * s * fma(g, 1.0f - s, broadcast(1.0f)));
    lanes.store(dup + i, d * g * s);
  });
}

}  // namespace tutti::cpu::TUTTI_ISA
