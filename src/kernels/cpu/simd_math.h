// exp, log and tanh of a vector within 2 ulp, sigmoid within 3. Part of simd.h: include that.
//
// The polynomials are those of the Cephes library (Moshier 1989, single precision). A NaN stays a
// NaN, infinities and overflow give what <cmath> gives, denormal results are not flushed (but
// sigmoid may give 0 for one).
#pragma once

#include "kernels/cpu/simd.h"

namespace tutti::cpu::TUTTI_ISA {

// ln 2 in two parts; the first has few bits, so that its product with an exponent is exact.
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;

TUTTI_INLINE VecF exp(VecF x) {
  constexpr float kRound = 0x1.8p23f;  // adding it rounds to an integer in the low bits
  x = min(broadcast(89.0f), max(broadcast(-104.0f), x));
  const VecF shifted = fma(x, broadcast(1.44269504f), broadcast(kRound));
  const VecF n = shifted - kRound;
  VecF r = fma(n, broadcast(-kLn2High), x);
  r = fma(n, broadcast(-kLn2Low), r);
  VecF p = broadcast(1.9875691500e-4f);
  p = fma(p, r, broadcast(1.3981999507e-3f));
  p = fma(p, r, broadcast(8.3334519073e-3f));
  p = fma(p, r, broadcast(4.1665795894e-2f));
  p = fma(p, r, broadcast(1.6666665459e-1f));
  p = fma(p, r, broadcast(5.0000001201e-1f));
  p = fma(p, r * r, r) + 1.0f;
  // 2^n in two factors: n reaches -150 and 128, past the exponents of one normal number.
  const VecI exponent = (VecI)((VecU)shifted - (VecU)broadcast(kRound));
  const VecI half = exponent >> 1;
  return p * (VecF)((half + 127) << 23) * (VecF)((exponent - half + 127) << 23);
}

TUTTI_INLINE VecF log(VecF x) {
  const VecI denormal = x < 0x1.0p-126f;
  const VecF scaled = denormal ? x * 0x1.0p23f : x;
  // scaled = m * 2^e with m in [sqrt(1/2), sqrt(2))
  const VecI biased = (VecI)((VecU)scaled - 0x3f3504f3u);  // may wrap for what is not positive
  VecI e = biased >> 23;
  const VecF m = (VecF)((biased & 0x007fffff) + 0x3f3504f3) - 1.0f;
  e = denormal ? e - 23 : e;
  const VecF ef = __builtin_convertvector(e, VecF), z = m * m;
  VecF p = broadcast(7.0376836292e-2f);
  p = fma(p, m, broadcast(-1.1514610310e-1f));
  p = fma(p, m, broadcast(1.1676998740e-1f));
  p = fma(p, m, broadcast(-1.2420140846e-1f));
  p = fma(p, m, broadcast(1.4249322787e-1f));
  p = fma(p, m, broadcast(-1.6668057665e-1f));
  p = fma(p, m, broadcast(2.0000714765e-1f));
  p = fma(p, m, broadcast(-2.4999993993e-1f));
  p = fma(p, m, broadcast(3.3333331174e-1f));
  VecF y = fma(ef, broadcast(kLn2Low), p * m * z);
  y = fma(broadcast(-0.5f), z, y);
  y = fma(ef, broadcast(kLn2High), m + y);
  y = x > 3.40282347e38f ? x : y;                        // infinity
  y = x == 0.0f ? broadcast(-__builtin_inff()) : y;      // zero
  return x >= 0.0f ? y : broadcast(__builtin_nanf(""));  // negative, NaN
}

TUTTI_INLINE VecF tanh(VecF x) {
  const VecF a = abs(x), z = x * x;
  VecF p = broadcast(-5.70498872745e-3f);
  p = fma(p, z, broadcast(2.06390887954e-2f));
  p = fma(p, z, broadcast(-5.37397155531e-2f));
  p = fma(p, z, broadcast(1.33314422036e-1f));
  p = fma(p, z, broadcast(-3.33332819422e-1f));
  const VecF near = fma(p * z, x, x);
  const VecF far = 1.0f - 2.0f / (exp(a + a) + 1.0f);
  const VecF signed_far = (VecF)((VecU)far | ((VecU)x & 0x80000000u));
  return a < 0.625f ? near : signed_far;
}

TUTTI_INLINE VecF sigmoid(VecF x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace tutti::cpu::TUTTI_ISA
