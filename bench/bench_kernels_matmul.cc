// Matrix products, embedding and cross entropy of the CPU, at the sizes of GPT-2 124M unless told
// otherwise. Arguments end with the number of threads. "flops" counts the products only, so that a
// rate can be compared with that of a plain product; "bytes" is what has to pass through memory.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace tutti::cpu {
namespace {

std::vector<float> random_floats(int64_t count) {
  std::mt19937 engine(1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(engine() >> 8) * 0x1.0p-24f - 0.5f;
  return values;
}

std::vector<int32_t> random_ids(int64_t count, int64_t vocab) {
  std::mt19937 engine(2);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(engine() % static_cast<uint64_t>(vocab));
  return ids;
}

void set_flops(benchmark::State& state, double flops) {
  state.counters["flops"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate,
                                               benchmark::Counter::kIs1000);
}

void set_bytes(benchmark::State& state, double bytes) {
  state.counters["bytes"] = benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate,
                                               benchmark::Counter::kIs1000);
}

// m, n, k, threads
void bench_matmul(benchmark::State& state, bool transpose_a, bool transpose_b, bool accumulate,
                  bool with_bias) {
  const Kernels& kernels = default_kernels();
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const int threads = static_cast<int>(state.range(3));
  const auto a = random_floats(m * k), b = random_floats(k * n), bias = random_floats(n);
  std::vector<float> c(static_cast<size_t>(m * n));
  const Matmul problem{.m = m,
                       .n = n,
                       .k = k,
                       .a = a.data(),
                       .lda = transpose_a ? m : k,
                       .transpose_a = transpose_a,
                       .b = b.data(),
                       .ldb = transpose_b ? k : n,
                       .transpose_b = transpose_b,
                       .c = c.data(),
                       .ldc = n,
                       .bias_n = with_bias ? bias.data() : nullptr,
                       .accumulate = accumulate};
  std::vector<char> workspace(kernels.matmul_workspace_bytes(problem, threads));
  for (auto _ : state) kernels.matmul(problem, workspace.data(), threads);
  set_flops(state, 2.0 * static_cast<double>(m * n * k));
  set_bytes(state, 4.0 * static_cast<double>(m * k + k * n + m * n));
}

void forward_sizes(benchmark::internal::Benchmark* bench) {
  for (const int threads : {1, 2}) {
    for (const int64_t m : {1, 64, 1024, 4096}) {
      bench->Args({m, 2304, 768, threads});
      bench->Args({m, 768, 768, threads});
      bench->Args({m, 3072, 768, threads});
      bench->Args({m, 768, 3072, threads});
    }
    bench->Args({1, 50257, 768, threads});
  }
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
}

void weight_grad_sizes(benchmark::internal::Benchmark* bench) {
  for (const int threads : {1, 2}) {
    bench->Args({3072, 768, 4096, threads})->Args({768, 3072, 4096, threads});
  }
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(bench_matmul, forward, false, true, false, false)->Apply(forward_sizes);
BENCHMARK_CAPTURE(bench_matmul, forward_bias, false, true, false, true)->Apply(forward_sizes);
BENCHMARK_CAPTURE(bench_matmul, input_grad, false, false, false, false)->Apply(forward_sizes);
BENCHMARK_CAPTURE(bench_matmul, weight_grad, true, false, true, false)->Apply(weight_grad_sizes);

// n, rows, d, threads
struct CrossEntropyBuffers {
  explicit CrossEntropyBuffers(const benchmark::State& state)
      : n(state.range(0)),
        rows(state.range(1)),
        d(state.range(2)),
        vocab_valid(rows == 50304 ? 50257 : rows),
        threads(static_cast<int>(state.range(3))),
        x(random_floats(n * d)),
        w(random_floats(rows * d)),
        dx(x.size()),
        dw(w.size()),
        token(static_cast<size_t>(n)),
        labels(random_ids(n, vocab_valid)),
        workspace(default_kernels().linear_cross_entropy_workspace_bytes(n, rows, d, threads)) {}

  int64_t n, rows, d, vocab_valid;
  int threads;
  std::vector<float> x, w, dx, dw, token;
  std::vector<int32_t> labels;
  std::vector<char> workspace;
};

void bench_fused(benchmark::State& state) {
  CrossEntropyBuffers b(state);
  const float seed = 1.0f / static_cast<float>(b.n);
  float loss = 0;
  for (auto _ : state) {
    default_kernels().linear_cross_entropy_fused(
        b.x.data(), b.w.data(), b.labels.data(), &seed, b.n, b.rows, b.d, b.vocab_valid, &loss,
        false, b.dx.data(), b.dw.data(), true, b.workspace.data(), b.threads);
  }
  set_flops(state, 6.0 * static_cast<double>(b.n * b.vocab_valid * b.d));
  state.counters["workspace_MiB"] = static_cast<double>(b.workspace.size()) / (1 << 20);
}

void bench_logits_stats(benchmark::State& state) {
  CrossEntropyBuffers b(state);
  std::vector<float> max(b.token), sum(b.token);
  for (auto _ : state) {
    default_kernels().logits_stats(b.x.data(), b.w.data(), b.labels.data(), b.n, b.rows, b.d, 0,
                                   b.vocab_valid, max.data(), sum.data(), b.token.data(),
                                   b.workspace.data(), b.threads);
  }
  set_flops(state, 2.0 * static_cast<double>(b.n * b.vocab_valid * b.d));
}

void bench_grad(benchmark::State& state) {
  CrossEntropyBuffers b(state);
  const float seed = 1.0f / static_cast<float>(b.n);
  for (float& lse : b.token) lse = 11.0f;
  for (auto _ : state) {
    default_kernels().linear_cross_entropy_grad(
        b.x.data(), b.w.data(), b.labels.data(), b.token.data(), &seed, b.n, b.rows, b.d, 0,
        b.vocab_valid, b.dx.data(), b.dw.data(), true, b.workspace.data(), b.threads);
  }
  set_flops(state, 6.0 * static_cast<double>(b.n * b.vocab_valid * b.d));
}

void cross_entropy_sizes(benchmark::internal::Benchmark* bench) {
  for (const int threads : {1, 2}) {
    for (const int64_t rows : {50257, 50304}) bench->Args({1024, rows, 768, threads});
    bench->Args({4096, 256, 128, threads});
  }
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(bench_fused)->Args({4096, 50257, 768, 2})->Apply(cross_entropy_sizes);
BENCHMARK(bench_logits_stats)->Apply(cross_entropy_sizes);
BENCHMARK(bench_grad)->Apply(cross_entropy_sizes);

// n, rows, d, threads
void bench_embedding(benchmark::State& state) {
  const int64_t n = state.range(0), rows = state.range(1), d = state.range(2);
  const auto ids = random_ids(n, rows);
  const auto w = random_floats(rows * d);
  std::vector<float> out(static_cast<size_t>(n * d));
  for (auto _ : state) {
    default_kernels().embedding(ids.data(), w.data(), n, rows, d, 0, out.data(),
                                static_cast<int>(state.range(3)));
  }
  set_bytes(state, 8.0 * static_cast<double>(n * d));
}

void bench_embedding_grad(benchmark::State& state, bool accumulate) {
  const int64_t n = state.range(0), rows = state.range(1), d = state.range(2);
  const auto ids = random_ids(n, rows);
  const auto dy = random_floats(n * d);
  std::vector<float> dw(static_cast<size_t>(rows * d));
  for (auto _ : state) {
    default_kernels().embedding_grad(ids.data(), dy.data(), n, rows, d, 0, dw.data(), accumulate,
                                     static_cast<int>(state.range(3)));
  }
  set_bytes(state, 12.0 * static_cast<double>(n * d) +
                       (accumulate ? 0.0 : 4.0 * static_cast<double>(rows * d)));
}

void embedding_sizes(benchmark::internal::Benchmark* bench) {
  for (const int threads : {1, 2}) bench->Args({4096, 50257, 768, threads});
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(bench_embedding)->Apply(embedding_sizes);
BENCHMARK_CAPTURE(bench_embedding_grad, accumulate, true)->Apply(embedding_sizes);
BENCHMARK_CAPTURE(bench_embedding_grad, overwrite, false)->Apply(embedding_sizes);

}  // namespace
}  // namespace tutti::cpu

BENCHMARK_MAIN();
