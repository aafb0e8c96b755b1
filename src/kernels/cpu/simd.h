// One vector of floats of the width of the instruction set being compiled for (4, 8 or 16 lanes).
//
// The types are GCC vectors: + - * / and comparisons work on them lane by lane, `mask ? a : b`
// selects, and a C-style cast between VecF, VecI and VecU keeps the bits. Everything is inlined
// into namespace tutti::cpu::TUTTI_ISA, so that the instances cannot be mixed by the linker.
//
// A loop handles its tail with load_first/store_first, of at most kLanes elements, and the same
// arithmetic as its body: what an element yields does not depend on where in a vector it lies.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/isa.h"

#define TUTTI_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define TUTTI_LANES 16
#elif defined(__AVX2__) && defined(__FMA__)
#define TUTTI_LANES 8
#else
#define TUTTI_LANES 4
#endif

namespace tutti::cpu::TUTTI_ISA {

inline constexpr int kLanes = TUTTI_LANES;
inline constexpr int64_t kCacheLine = 16;  // floats

typedef float VecF __attribute__((vector_size(TUTTI_LANES * 4)));
typedef int32_t VecI __attribute__((vector_size(TUTTI_LANES * 4)));
typedef uint32_t VecU __attribute__((vector_size(TUTTI_LANES * 4)));
typedef double VecD __attribute__((vector_size(TUTTI_LANES * 4)));  // kLanes / 2 lanes
typedef float VecHalf __attribute__((vector_size(TUTTI_LANES * 2)));
typedef uint16_t VecH __attribute__((vector_size(TUTTI_LANES * 2)));  // bfloat16

TUTTI_INLINE VecF broadcast(float x) { return x - VecF{}; }
TUTTI_INLINE VecI broadcast(int32_t x) { return x - VecI{}; }
TUTTI_INLINE VecU broadcast(uint32_t x) { return x - VecU{}; }

TUTTI_INLINE VecF load(const float* p) {
  VecF v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
TUTTI_INLINE void store(float* p, VecF v) { __builtin_memcpy(p, &v, sizeof v); }

// bfloat16 is the upper half of a float.
TUTTI_INLINE VecF load(const uint16_t* p) {
  VecH v;
  __builtin_memcpy(&v, p, sizeof v);
  return (VecF)(__builtin_convertvector(v, VecU) << 16);
}
TUTTI_INLINE VecF load_first(const uint16_t* p, int64_t count) {
  VecH v = {};
  for (int i = 0; i < kLanes; ++i) {
    if (i < count) v[i] = p[i];
  }
  return (VecF)(__builtin_convertvector(v, VecU) << 16);
}

// Cuts off what bfloat16 does not hold.
TUTTI_INLINE void store_truncated(uint16_t* p, VecF x) {
  const VecH v = __builtin_convertvector((VecU)x >> 16, VecH);
  __builtin_memcpy(p, &v, sizeof v);
}
TUTTI_INLINE void store_truncated_first(uint16_t* p, VecF x, int64_t count) {
  const VecH v = __builtin_convertvector((VecU)x >> 16, VecH);
  for (int i = 0; i < kLanes; ++i) {
    if (i < count) p[i] = v[i];
  }
}

// The parts that differ: partial load and store of the first `count` lanes (0 <= count <= kLanes;
// the lanes behind load as zero and are neither read nor written), a * b + c (one rounding where
// the machine has it), max and min (the second operand when either is NaN), square root, whether
// any lane of a mask is set, horizontal sum and max (in one fixed order: halves, then quarters,
// then pairs), the 64-bit products of the even 32-bit lanes, conversion from and to halves in
// double precision, and the transposes of the 4 x 4 words that lie in equal 128-bit parts of four
// vectors.
#if TUTTI_LANES == 16
#include "kernels/cpu/simd_v4.inc"
#elif TUTTI_LANES == 8
#include "kernels/cpu/simd_v3.inc"
#else
#include "kernels/cpu/simd_portable.inc"
#endif

TUTTI_INLINE VecF abs(VecF x) { return (VecF)((VecU)x & 0x7fffffffu); }

// Lane i of the result is i.
TUTTI_INLINE VecI iota() {
  VecI v;
  for (int i = 0; i < kLanes; ++i) v[i] = i;
  return v;
}

}  // namespace tutti::cpu::TUTTI_ISA

#include "kernels/cpu/simd_math.h"
