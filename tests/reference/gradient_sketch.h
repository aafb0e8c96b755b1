// What is kept of a gradient to compare another with: its norm and 32 projections on vectors of
// random signs. For a difference d the mean square of its projections is ||d||^2 in expectation, so
// the sketch tells ||d|| to about a tenth without the gradient itself (Achlioptas,
// "Database-friendly random projections", 2003). Pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tutti {

inline constexpr size_t kProjections = 32;

struct GradientSketch {
  double norm = 0;
  std::array<double, kProjections> projections = {};
};

// The signs are keyed by (seed, name): bit j of word i gives the sign of element i in projection j.
GradientSketch sketch_gradient(uint64_t seed, std::string_view name,
                               std::span<const float> gradient);

// An estimate of ||a - b||^2 for two sketches made with the same seed and name.
double squared_distance(const GradientSketch& a, const GradientSketch& b);

}  // namespace tutti
