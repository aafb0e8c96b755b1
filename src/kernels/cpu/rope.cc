// The angle is the float product of position and frequency, as Hugging Face computes it. Its sine
// and cosine are computed once for a token and used by all its heads.
#include "kernels/cpu/rope.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr double kRound = 0x1.8p52;  // adding and taking it away rounds to an integer

// x = r + q pi/2 with |r| <= pi/4; leaves q mod 4 in `quadrant`. pi/2 is in two parts, the first
// short enough for an exact product up to |x| of a million (the constants of fdlibm).
TUTTI_INLINE VecD reduce(VecD x, VecD& quadrant) {
  const VecD q = (x * 0.63661977236758134308 + kRound) - kRound;
  const VecD floor = (q * 0.25 - 0.375 + kRound) - kRound;
  quadrant = q - 4.0 * floor;
  return (x - q * 1.57079632673412561417) - q * 6.07710050650619224932e-11;
}

// Polynomials of the Cephes library (Moshier 1989, single precision).
TUTTI_INLINE VecF sine_cosine(VecF x, VecF& cosine) {
  VecD low_quadrant, high_quadrant;
  const VecD low = reduce(low_double(x), low_quadrant);
  const VecD high = reduce(high_double(x), high_quadrant);
  const VecF r = join(low, high), z = r * r;
  const VecI quadrant = __builtin_convertvector(join(low_quadrant, high_quadrant), VecI);
  VecF s = broadcast(-1.9515295891e-4f);
  s = fma(s, z, broadcast(8.3321608736e-3f));
  s = fma(s, z, broadcast(-1.6666654611e-1f));
  s = fma(s * z, r, r);
  VecF c = broadcast(2.443315711809948e-5f);
  c = fma(c, z, broadcast(-1.388731625493765e-3f));
  c = fma(c, z, broadcast(4.166664568298827e-2f));
  c = fma(c * z, z, fma(broadcast(-0.5f), z, broadcast(1.0f)));
  const VecI odd = (quadrant & 1) != 0;
  const VecI sine_sign = (quadrant & 2) << 30, cosine_sign = ((quadrant + 1) & 2) << 30;
  cosine = (VecF)((VecI)(odd ? s : c) ^ cosine_sign);
  return (VecF)((VecI)(odd ? c : s) ^ sine_sign);
}

}  // namespace

void rope(const float* x, const int32_t* positions_n, const float* inverse_frequency, int64_t n,
          int64_t heads, int64_t head_dim, bool inverse, float* y, int threads) {
  constexpr int64_t kTile = 256;
  const int64_t pairs = head_dim / 2;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n > 1)
  for (int64_t token = 0; token < n; ++token) {
    alignas(64) float sines[kTile], cosines[kTile];
    for (int64_t first = 0; first < pairs; first += kTile) {
      const int64_t size = pairs - first < kTile ? pairs - first : kTile;
      const VecF position = broadcast(static_cast<float>(positions_n[token]));
      for_each_vector(0, size, [&](int64_t i, auto lanes) {
        VecF cosine;
        const VecF sine = sine_cosine(position * lanes.load(inverse_frequency + first + i), cosine);
        store(sines + i, inverse ? -sine : sine);
        store(cosines + i, cosine);
      });
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t at = (token * heads + head) * head_dim + first;
        for_each_vector(0, size, [&](int64_t i, auto lanes) {
          const VecF sine = load(sines + i), cosine = load(cosines + i);
          const VecF a = lanes.load(x + at + i), b = lanes.load(x + at + pairs + i);
          lanes.store(y + at + i, fma(a, cosine, -(b * sine)));
          lanes.store(y + at + pairs + i, fma(b, cosine, a * sine));
        });
      }
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
