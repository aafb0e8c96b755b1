// The standard normal that belongs to a uniform 32-bit word: the inverse of the distribution
// function, so that one word gives one normal, larger magnitudes come from larger words, and the
// negated normal from the word with its top bit flipped.
//
// Written once for a float and for a vector of floats, from integer operations and from float
// operations that IEEE 754 rounds exactly (add, multiply, square root, conversion), in one order
// and without contraction (-ffp-contract=off): every instruction set gives the same bits.
//
// The form is that of Giles, "Approximating the erfinv function" (GPU Computing Gems Jade, 2011):
// with x in (0, 1) the probability of a smaller magnitude, z = x p(w), w = -log2(1 - x^2), and a
// second polynomial in sqrt(w) far out. The coefficients are minimax fits of our own (Remez's
// algorithm, relative error). The relative error of the result is below 4e-7. All 31 bits of x are
// used, so the smallest magnitude is 2.9e-10 and the largest 6.34.
#pragma once

#include <bit>
#include <cstdint>

namespace tutti {

// The operations that a float and a vector of floats spell differently.
struct ScalarLanes {
  using Float = float;
  using Int = int32_t;
  using Word = uint32_t;

  static float to_float(int32_t x) { return static_cast<float>(x); }
  static float from_bits(uint32_t x) { return std::bit_cast<float>(x); }
  static uint32_t to_bits(float x) { return std::bit_cast<uint32_t>(x); }
  static float sqrt(float x) { return __builtin_sqrtf(x); }
  static bool any(bool x) { return x; }
};

// -log2(a) for a positive a that is not denormal, with an error below 1.5e-7 up to 1 and below that
// part of the result above.
template <typename Lanes>
[[gnu::always_inline]] inline typename Lanes::Float minus_log2(typename Lanes::Float a) {
  using Float = typename Lanes::Float;
  // a = (1 + r) 2^e with 1 + r in [sqrt(1/2), sqrt(2))
  constexpr uint32_t kRootHalf = 0x3f3504f3u;
  const typename Lanes::Int from_root = (typename Lanes::Int)(Lanes::to_bits(a) - kRootHalf);
  const Float e = Lanes::to_float(from_root >> 23);
  const Float r =
      Lanes::from_bits((typename Lanes::Word)(from_root & 0x007fffff) + kRootHalf) - 1.0f;
  const Float rr = r * r;
  const Float even =
      -1.442694773f + rr * (-0.4809394331f + rr * (-0.2867076609f + rr * -0.2368891856f));
  const Float odd =
      0.7213571463f + rr * (0.3600872958f + rr * (0.2500684408f + rr * 0.1457449516f));
  return r * (even + r * odd) - e;
}

// Requires of Lanes what ScalarLanes has; `any` tells whether any lane of a comparison holds.
template <typename Lanes>
[[gnu::always_inline]] inline typename Lanes::Float normal_from(typename Lanes::Word word) {
  using Float = typename Lanes::Float;
  using Int = typename Lanes::Int;
  // x and 1 - x, each with all the bits that the word has near its own zero.
  const Int step = (Int)(word & 0x7fffffffu);
  const Float x = (Lanes::to_float(step) + 0.5f) * 0x1p-31f;
  const Float rest = (Lanes::to_float(0x7fffffff - step) + 0.5f) * 0x1p-31f;
  const Float w = minus_log2<Lanes>(rest * (1.0f + x));
  const Float ww = w * w;
  const Float even =
      1.253314043f + ww * (0.007837588312f + ww * (-5.294117609e-5f +
                                                   ww * (-6.080702396e-7f + ww * 2.545175032e-9f)));
  const Float odd =
      0.227435677f + ww * (-0.001084791217f + ww * (1.497689141e-5f + ww * -3.485681156e-8f));
  Float ratio = even + w * odd;
  const auto far = w > 7.0f;  // one word in 256
  if (Lanes::any(far)) {
    const Float s = Lanes::sqrt(w) - 4.0f;
    Float p = s * 1.343761834e-5f - 1.65053152e-5f;
    p = p * s - 0.0001248552707f;
    p = p * s + 0.0004195733661f;
    p = p * s - 0.0007317801907f;
    p = p * s + 0.001247134165f;
    p = p * s - 0.002484961282f;
    p = p * s + 0.004477532646f;
    p = p * s + 1.184536421f;
    p = p * s + 4.475361284f;
    ratio = far ? p : ratio;
  }
  const typename Lanes::Word sign = word & 0x80000000u;
  return Lanes::from_bits(Lanes::to_bits(x * ratio) | sign);
}

}  // namespace tutti
