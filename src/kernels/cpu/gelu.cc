// gelu_tanh(x) = x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3) (Hendrycks and
// Gimpel 2016): by the sigmoid there is no cancellation for negative x.
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr float kTwoSqrt2OverPi = 1.5957691216f;
constexpr float kCubic = 0.044715f;

// Beyond it the sigmoid is 0 or 1; clamped so that no power overflows. A NaN passes.
TUTTI_INLINE VecF clamped(VecF x) { return min(broadcast(30.0f), max(broadcast(-30.0f), x)); }

TUTTI_INLINE VecF gate(VecF x) {
  return sigmoid(kTwoSqrt2OverPi * x * fma(kCubic * x, x, broadcast(1.0f)));
}

}  // namespace

void gelu_tanh(const float* x, int64_t count, float* y, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    const VecF v = lanes.load(x + i);
    lanes.store(y + i, v * gate(clamped(v)));
  });
}

void gelu_tanh_grad(const float* dy, const float* x, int64_t count, float* dx, int threads) {
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    const VecF v = clamped(lanes.load(x + i));
    const VecF s = gate(v);
    const VecF slope = kTwoSqrt2OverPi * fma(3.0f * kCubic * v, v, broadcast(1.0f));
    lanes.store(dx + i, lanes.load(dy + i) * fma(v * s * (1.0f - s), slope, s));
  });
}

}  // namespace tutti::cpu::TUTTI_ISA
