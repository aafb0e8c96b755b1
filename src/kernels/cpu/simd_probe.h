// Entry points to simd.h for its test: one table of functions for each instruction set.
#pragma once

#include <cstdint>

namespace tutti::cpu {

struct SimdProbe {
  using Map = void(const float* x, int64_t count, float* y);

  const char* name;
  int lanes;
  Map* exp;
  Map* log;
  Map* tanh;
  Map* sigmoid;
  void (*copy_first)(const float* x, int64_t count, float* y);  // count <= lanes
  float (*sum)(const float* x);                                 // of one vector
  float (*max)(const float* x);
};

namespace portable {
extern const SimdProbe kSimdProbe;
}
namespace v3 {
extern const SimdProbe kSimdProbe;
}
namespace v4 {
extern const SimdProbe kSimdProbe;
}

}  // namespace tutti::cpu
