// Joins attention over two sets of keys by their log-sum-exps (Liu et al., "Ring Attention", 2023).
#include "kernels/cpu/attention.h"
#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {

void attention_merge(const float* o_a, const float* lse_a_bhs, const float* o_b,
                     const float* lse_b_bhs, int64_t batch, int64_t seq, int64_t heads,
                     int64_t head_dim, float* o, float* lse_bhs, int threads) {
  constexpr float kNone = -__builtin_inff();
  const int64_t blocks = (seq + kLanes - 1) / kLanes;  // a position in each lane
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t block = 0; block < batch * blocks; ++block) {
    const int64_t b = block / blocks, first = block % blocks * kLanes;
    const int64_t positions = seq - first < kLanes ? seq - first : kLanes;
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t at = (b * heads + h) * seq + first;
      const VecF lse_a = load_first(lse_a_bhs + at, positions);
      const VecF lse_b = load_first(lse_b_bhs + at, positions);
      const VecF largest = max(lse_a, lse_b);
      // Where neither has a key, weights of 0 from base 0, not NaN.
      const VecF base = largest == kNone ? VecF{} : largest;
      const VecF weight_a = exp(lse_a - base), weight_b = exp(lse_b - base);
      const VecF sum = weight_a + weight_b;
      const VecF lse = largest + log(sum);
      // Where only one has keys, it is the result, to the bit.
      store_first(lse_bhs + at, lse_a == kNone ? lse_b : lse_b == kNone ? lse_a : lse, positions);
      const VecF inverse = sum == 0.0f ? VecF{} : 1.0f / sum;
      const VecF share_a = weight_a * inverse, share_b = weight_b * inverse;
      for (int64_t s = 0; s < positions; ++s) {
        const int64_t row = ((b * seq + first + s) * heads + h) * head_dim;
        const VecF of_a = broadcast(share_a[s]), of_b = broadcast(share_b[s]);
        for_each_vector(row, row + head_dim, [=](int64_t i, auto lanes) {
          lanes.store(o + i, fma(of_a, lanes.load(o_a + i), of_b * lanes.load(o_b + i)));
        });
      }
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
