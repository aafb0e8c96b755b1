// What cross entropy does with the logits of one token, `count` floats that are dense. One thread a
// row: the result does not depend on the other rows.
//
// NaN or infinite logits make the sum NaN, and so the loss and the gradients.
#pragma once

#include "kernels/cpu/simd.h"

namespace tutti::cpu::TUTTI_ISA {

struct RowStats {
  float max;
  double sum;  // of exp(logit - max)
};

inline constexpr int64_t kSingleBlock = 64 * kLanes;  // what is summed in single precision

TUTTI_INLINE float row_max(const float* logits, int64_t count) {
  const VecF lowest = broadcast(-__builtin_inff());
  VecF top[4] = {lowest, lowest, lowest, lowest};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int u = 0; u < 4; ++u) top[u] = max(top[u], load(logits + i + u * kLanes));
  }
  for (; i < count; i += kLanes) {
    const int64_t rest = count - i < kLanes ? count - i : kLanes;
    const VecI inside = iota() < static_cast<int32_t>(rest);
    top[0] = max(top[0], inside ? load_first(logits + i, rest) : lowest);
  }
  return max(max(max(top[0], top[1]), max(top[2], top[3])));
}

// The sum of exp(logit - max) of at most kSingleBlock logits; written over the logits when kKeep.
template <bool kKeep>
TUTTI_INLINE float block_exp_sum(float* logits, int64_t count, VecF top) {
  VecF total[2] = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    for (int u = 0; u < 2; ++u) {
      const VecF e = exp(load(logits + i + u * kLanes) - top);
      if (kKeep) store(logits + i + u * kLanes, e);
      total[u] += e;
    }
  }
  for (; i < count; i += kLanes) {
    const int64_t rest = count - i < kLanes ? count - i : kLanes;
    const VecF e = exp(load_first(logits + i, rest) - top);
    if (kKeep) store_first(logits + i, e, rest);
    total[0] += iota() < static_cast<int32_t>(rest) ? e : VecF{};
  }
  return sum(total[0] + total[1]);
}

template <bool kKeep>
TUTTI_INLINE RowStats row_stats(float* logits, int64_t count) {
  RowStats stats{row_max(logits, count), 0.0};
  for (int64_t i = 0; i < count; i += kSingleBlock) {
    const int64_t block = count - i < kSingleBlock ? count - i : kSingleBlock;
    stats.sum += block_exp_sum<kKeep>(logits + i, block, broadcast(stats.max));
  }
  return stats;
}

TUTTI_INLINE void scale_row(float* values, int64_t count, float factor) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(values + i, load(values + i) * factor);
  if (i < count) store_first(values + i, load_first(values + i, count - i) * factor, count - i);
}

// logit -> seed * exp(logit - lse)
TUTTI_INLINE void scaled_softmax_row(float* logits, int64_t count, float lse, float seed) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(logits + i, exp(load(logits + i) - lse) * seed);
  }
  if (i < count) {
    store_first(logits + i, exp(load_first(logits + i, count - i) - lse) * seed, count - i);
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
