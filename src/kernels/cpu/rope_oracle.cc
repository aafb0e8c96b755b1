#include "kernels/cpu/rope.h"

#include <cmath>

namespace tutti::cpu::oracle {

void rope(const float* x, const int32_t* positions_n, const float* inverse_frequency, int64_t n,
          int64_t heads, int64_t head_dim, bool inverse, float* y, int) {
  const int64_t pairs = head_dim / 2;
  for (int64_t token = 0; token < n; ++token) {
    for (int64_t i = 0; i < pairs; ++i) {
      const float angle = static_cast<float>(positions_n[token]) * inverse_frequency[i];
      const double cosine = std::cos(static_cast<double>(angle));
      const double sine = std::sin(static_cast<double>(inverse ? -angle : angle));
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t at = (token * heads + head) * head_dim + i;
        const double a = x[at], b = x[at + pairs];
        y[at] = static_cast<float>(a * cosine - b * sine);
        y[at + pairs] = static_cast<float>(b * cosine + a * sine);
      }
    }
  }
}

}  // namespace tutti::cpu::oracle
