// The generator of base/rng.h over vectors: each lane has a counter of its own.
#pragma once

#include "base/rng.h"
#include "kernels/cpu/simd.h"

namespace tutti::cpu::TUTTI_ISA {

// One 64-bit word in the place of two lanes.
typedef uint64_t Vec64 __attribute__((vector_size(TUTTI_LANES * 4)));

// Words 0 to 3 of the counter low + 2^32 high of each lane. The even lanes and the odd ones are
// held apart throughout, so that products need no shuffles.
TUTTI_INLINE void philox_lanes(RngKey key, VecU low, VecU high, VecU (&words)[4]) {
  const auto product = [](Vec64 a, uint32_t factor) {
    return (Vec64)multiply_even((VecU)a, broadcast(factor));
  };
  Vec64 c0[2] = {(Vec64)low, (Vec64)low >> 32}, c1[2] = {(Vec64)high, (Vec64)high >> 32};
  Vec64 c2[2] = {}, c3[2] = {};
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < 10; ++round) {
    for (int odd = 0; odd < 2; ++odd) {
      const Vec64 p0 = product(c0[odd], 0xD2511F53u), p1 = product(c2[odd], 0xCD9E8D57u);
      c0[odd] = (p1 >> 32) ^ c1[odd] ^ k0;
      c1[odd] = p1;
      c2[odd] = (p0 >> 32) ^ c3[odd] ^ k1;
      c3[odd] = p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const auto join = [](const Vec64(&c)[2]) { return (VecU)((c[0] & 0xffffffffu) | (c[1] << 32)); };
  words[0] = join(c0);
  words[1] = join(c1);
  words[2] = join(c2);
  words[3] = join(c3);
}

// Uniform in [0, 1), as uniform_float.
TUTTI_INLINE VecF uniform_lanes(VecU words) {
  return __builtin_convertvector((VecI)(words >> 8), VecF) * 0x1.0p-24f;
}

}  // namespace tutti::cpu::TUTTI_ISA
