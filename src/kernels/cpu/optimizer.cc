#include "kernels/cpu/optimizer.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr int64_t kSumBlock = 4096;

double block_sum_squares(const float* x, int64_t count) {
  VecD sums[4] = {};
  auto add = [&](VecF v, VecD & low, VecD & high) __attribute__((always_inline)) {
    const VecD a = low_double(v), b = high_double(v);
    low = fma(a, a, low);
    high = fma(b, b, high);
  };
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    add(load(x + i), sums[0], sums[1]);
    add(load(x + i + kLanes), sums[2], sums[3]);
  }
  for_each_vector(i, count,
                  [&](int64_t j, auto lanes) { add(lanes.load(x + j), sums[0], sums[1]); });
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace

void sum_squares(const float* x, int64_t count, double* out, bool accumulate, int threads) {
  // Threads fill the partial sums of a group of blocks; one thread then adds them in index order.
  constexpr int64_t kGroup = 1024;
  double partial[kGroup];
  double total = accumulate ? *out : 0.0;
  const int64_t blocks = (count + kSumBlock - 1) / kSumBlock;
  for (int64_t group = 0; group < blocks; group += kGroup) {
    const int64_t size = blocks - group < kGroup ? blocks - group : kGroup;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && size > 1)
    for (int64_t i = 0; i < size; ++i) {
      const int64_t begin = (group + i) * kSumBlock;
      partial[i] =
          block_sum_squares(x + begin, count - begin < kSumBlock ? count - begin : kSumBlock);
    }
    for (int64_t i = 0; i < size; ++i) total += partial[i];
  }
  *out = total;
}

void adamw(float* p, float* m, float* v, const float* grad, const float* grad_scale,
           const float* skip, int64_t count, const AdamW& config, int threads) {
  if (*skip != 0.0f) return;
  const VecF scale = broadcast(*grad_scale), decay = broadcast(-config.lr * config.weight_decay);
  const VecF beta1 = broadcast(config.beta1), beta2 = broadcast(config.beta2);
  const VecF rest1 = broadcast(1.0f - config.beta1), rest2 = broadcast(1.0f - config.beta2);
  const VecF root2 = broadcast(__builtin_sqrtf(config.bias_correction2));
  const VecF step = broadcast(-config.lr / config.bias_correction1);
  const VecF epsilon = broadcast(config.epsilon);
  parallel_for_each_vector(count, threads, [=](int64_t i, auto lanes) {
    const VecF g = scale * lanes.load(grad + i), old = lanes.load(p + i);
    const VecF m_new = fma(beta1, lanes.load(m + i), rest1 * g);
    const VecF v_new = fma(beta2, lanes.load(v + i), rest2 * g * g);
    const VecF denominator = sqrt(v_new) / root2 + epsilon;
    lanes.store(m + i, m_new);
    lanes.store(v + i, v_new);
    lanes.store(p + i, fma(step, m_new / denominator, fma(decay, old, old)));
  });
}

}  // namespace tutti::cpu::TUTTI_ISA
