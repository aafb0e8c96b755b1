// How fast attention runs: GFLOP/s counted on the keys that are seen (4 s t k forward and 10 s t k
// backward a head, halved when causal), beside a matrix product for the peak; bytes of keys and
// values read a second when decoding.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace tutti::cpu {
namespace {

std::vector<float> random_floats(int64_t count) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(engine);
  return values;
}

Attention dense_shape(int64_t batch, int64_t q_len, int64_t kv_len, int64_t kv_heads, int64_t group,
                      int64_t head_dim, bool causal) {
  const int64_t q_row = kv_heads * group * head_dim, k_row = kv_heads * head_dim;
  return {.batch = batch,
          .q_len = q_len,
          .kv_len = kv_len,
          .kv_heads = kv_heads,
          .group = group,
          .head_dim = head_dim,
          .q_row = q_row,
          .q_batch = q_row * q_len,
          .k_row = k_row,
          .k_batch = k_row * kv_len,
          .v_row = k_row,
          .v_batch = k_row * kv_len,
          .o_row = q_row,
          .o_batch = q_row * q_len,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
          .causal = causal,
          .q_offset = kv_len - q_len};
}

struct Buffers {
  std::vector<float> q, k, v, o, lse, dout, dq, dk, dv;
  std::vector<char> workspace;

  Buffers(const Kernels& kernels, const Attention& a, int threads)
      : q(random_floats(a.batch * a.q_batch)),
        k(random_floats(a.batch * a.k_batch)),
        v(random_floats(a.batch * a.v_batch)),
        o(q.size()),
        lse(static_cast<size_t>(a.batch * a.kv_heads * a.group * a.q_len)),
        dout(random_floats(a.batch * a.o_batch)),
        dq(q.size()),
        dk(k.size()),
        dv(v.size()),
        workspace(std::max(kernels.attention_workspace_bytes(a, threads),
                           kernels.attention_grad_workspace_bytes(a, threads))) {}
  void forward(const Kernels& kernels, const Attention& a, int threads) {
    kernels.attention(a, q.data(), k.data(), v.data(), o.data(), lse.data(), workspace.data(),
                      threads);
  }
  void backward(const Kernels& kernels, const Attention& a, int threads) {
    kernels.attention_grad(a, dout.data(), q.data(), k.data(), v.data(), o.data(), lse.data(),
                           dq.data(), dk.data(), dv.data(), workspace.data(), threads);
  }
};

void count_flops(benchmark::State& state, const Attention& a, double factor) {
  const double heads = static_cast<double>(a.batch * a.kv_heads * a.group);
  const double pairs = static_cast<double>(a.q_len * a.kv_len) / (a.causal ? 2 : 1);
  state.counters["FLOP/s"] =
      benchmark::Counter(factor * heads * pairs * static_cast<double>(a.head_dim),
                         benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: batch, heads (of keys), group, length, head_dim, causal, threads.
Attention shape_of(const benchmark::State& state) {
  return dense_shape(state.range(0), state.range(3), state.range(3), state.range(1), state.range(2),
                     state.range(4), state.range(5) != 0);
}

void forward(benchmark::State& state) {
  const Attention a = shape_of(state);
  const int threads = static_cast<int>(state.range(6));
  Buffers buffers(default_kernels(), a, threads);
  for (auto _ : state) buffers.forward(default_kernels(), a, threads);
  count_flops(state, a, 4);
}

void backward(benchmark::State& state) {
  const Attention a = shape_of(state);
  const int threads = static_cast<int>(state.range(6));
  Buffers buffers(default_kernels(), a, threads);
  buffers.forward(default_kernels(), a, threads);
  for (auto _ : state) buffers.backward(default_kernels(), a, threads);
  count_flops(state, a, 10);
}

void training_shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"batch", "kv_heads", "group", "seq", "head_dim", "causal", "threads"});
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t threads : {1, 2}) {
    bench->Args({4, 12, 1, 256, 64, 1, threads})->Args({4, 12, 1, 1024, 64, 1, threads});
  }
  bench->Args({1, 12, 1, 1024, 64, 0, 1});  // not causal
  bench->Args({1, 4, 4, 1024, 128, 1, 1});  // grouped, wide heads
  bench->Args({2, 2, 1, 1024, 80, 1, 1});   // a head that is no power of two
  bench->Args({1, 1, 1, 4096, 64, 1, 2});   // fewer heads than threads
}
BENCHMARK(forward)->Apply(training_shapes);
BENCHMARK(backward)->Apply(training_shapes);

void decode(benchmark::State& state) {
  const Attention a = dense_shape(state.range(0), 1, state.range(3), state.range(1), state.range(2),
                                  state.range(4), true);
  const int threads = static_cast<int>(state.range(5));
  Buffers buffers(default_kernels(), a, threads);
  for (auto _ : state) buffers.forward(default_kernels(), a, threads);
  state.SetBytesProcessed(state.iterations() * a.batch * 2 * a.k_batch *
                          static_cast<int64_t>(sizeof(float)));
}
BENCHMARK(decode)
    ->ArgNames({"batch", "kv_heads", "group", "cache", "head_dim", "threads"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({8, 12, 1, 4096, 64, 1})
    ->Args({8, 12, 1, 4096, 64, 2})
    ->Args({4, 8, 4, 4096, 128, 1})
    ->Args({4, 8, 4, 4096, 128, 2})
    ->Args({1, 12, 1, 512, 64, 1});  // in cache

// One dense matrix product by the same table, for the peak.
void peak(benchmark::State& state) {
  constexpr int64_t kSize = 1024;
  const Kernels& kernels = default_kernels();
  const std::vector<float> a = random_floats(kSize * kSize), b = a;
  std::vector<float> c(a.size());
  const Matmul matmul{.m = kSize,
                      .n = kSize,
                      .k = kSize,
                      .a = a.data(),
                      .lda = kSize,
                      .transpose_a = false,
                      .b = b.data(),
                      .ldb = kSize,
                      .transpose_b = false,
                      .c = c.data(),
                      .ldc = kSize};
  const int threads = static_cast<int>(state.range(0));
  std::vector<char> workspace(kernels.matmul_workspace_bytes(matmul, threads));
  for (auto _ : state) kernels.matmul(matmul, workspace.data(), threads);
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * kSize * kSize * kSize,
                                                benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(peak)
    ->ArgNames({"threads"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Arg(1)
    ->Arg(2);

}  // namespace
}  // namespace tutti::cpu

BENCHMARK_MAIN();
