#include "base/rng.h"

#include "kernels/cpu/random.h"

namespace tutti::cpu::oracle {

void dropout(const float* x, const GlobalIndex3& index, RngKey key, float p, float* y, int) {
  int64_t at = 0;
  for (int64_t i = 0; i < index.local[0]; ++i) {
    for (int64_t j = 0; j < index.local[1]; ++j) {
      for (int64_t l = 0; l < index.local[2]; ++l, ++at) {
        const int64_t row = (i + index.offset[0]) * index.size[1] + j + index.offset[1];
        const int64_t global = row * index.size[2] + l + index.offset[2];
        const bool kept = uniform_at(key, static_cast<uint64_t>(global)) >= p;
        y[at] = kept ? x[at] / (1.0f - p) : 0.0f;
      }
    }
  }
}

void fill_normal(RngKey key, int64_t first_index, int64_t count, float mean, float stddev, float* y,
                 int) {
  for (int64_t i = 0; i < count; ++i) {
    y[i] = mean + stddev * normal_at(key, static_cast<uint64_t>(first_index + i));
  }
}

}  // namespace tutti::cpu::oracle
