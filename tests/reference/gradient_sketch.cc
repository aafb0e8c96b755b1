#include "reference/gradient_sketch.h"

#include <cmath>

#include "base/rng.h"

namespace tutti {

GradientSketch sketch_gradient(uint64_t seed, std::string_view name,
                               std::span<const float> gradient) {
  // Step 1: the start of the run has step 0.
  const RngKey key = rng_key(seed, 1, stable_hash(name));
  GradientSketch sketch;
  double squares = 0;
  for (size_t i = 0; i < gradient.size(); ++i) {
    const double x = gradient[i];
    const uint32_t signs = philox(key, i / 4)[i % 4];
    for (size_t j = 0; j < kProjections; ++j) {
      sketch.projections[j] += (signs >> j & 1u) != 0 ? x : -x;
    }
    squares += x * x;
  }
  sketch.norm = std::sqrt(squares);
  return sketch;
}

double squared_distance(const GradientSketch& a, const GradientSketch& b) {
  double total = 0;
  for (size_t j = 0; j < kProjections; ++j) {
    const double d = a.projections[j] - b.projections[j];
    total += d * d;
  }
  return total / static_cast<double>(kProjections);
}

}  // namespace tutti
