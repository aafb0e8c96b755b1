#include <cmath>

#include "kernels/cpu/elementwise.h"

namespace tutti::cpu::oracle {
namespace {

constexpr double kSqrt2OverPi = 0.79788456080286535588;
constexpr double kCubic = 0.044715;

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

void add(const float* a, const float* b, int64_t count, float* y, int) {
  for (int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

void scale(const float* x, const float* factor, int64_t count, float* y, int) {
  const float f = *factor;
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] * f;
}

void fill(float value, int64_t count, float* y, int) {
  for (int64_t i = 0; i < count; ++i) y[i] = value;
}

void gelu_tanh(const float* x, int64_t count, float* y, int) {
  for (int64_t i = 0; i < count; ++i) {
    const double v = x[i], u = kSqrt2OverPi * (v + kCubic * v * v * v);
    y[i] = static_cast<float>(0.5 * v * (1.0 + std::tanh(u)));
  }
}

void gelu_tanh_grad(const float* dy, const float* x, int64_t count, float* dx, int) {
  for (int64_t i = 0; i < count; ++i) {
    const double v = x[i], t = std::tanh(kSqrt2OverPi * (v + kCubic * v * v * v));
    const double slope = kSqrt2OverPi * (1.0 + 3.0 * kCubic * v * v);
    dx[i] = static_cast<float>(dy[i] * (0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * slope));
  }
}

void swiglu(const float* gate, const float* up, int64_t count, float* y, int) {
  for (int64_t i = 0; i < count; ++i) {
    y[i] = static_cast<float>(gate[i] * sigmoid(gate[i]) * up[i]);
  }
}

void swiglu_grad(const float* dy, const float* gate, const float* up, int64_t count, float* dgate,
                 float* dup, int) {
  for (int64_t i = 0; i < count; ++i) {
    const double g = gate[i], u = up[i], d = dy[i], s = sigmoid(g);
    dgate[i] = static_cast<float>(d * u * s * (1.0 + g * (1.0 - s)));
    dup[i] = static_cast<float>(d * g * s);
  }
}

}  // namespace tutti::cpu::oracle
