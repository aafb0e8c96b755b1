// Speed of the memory-bound CPU kernels (norms, rope, activations, random, optimizer) by
// instruction set and thread count. bytes_per_second counts each operand once for each pass that
// the algorithm must make over memory; `add` of this list is the machine's own streaming rate.
#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace tutti::cpu {
namespace {

// Tokens, embed and MLP width of a GPT-2 124M microbatch of 4 x 1024.
constexpr int64_t kTokens = 4096, kEmbed = 768, kHeads = 12, kHeadDim = 64;
constexpr int64_t kCount = 4096 * 3072;

struct Buffers {
  std::vector<float> a, b, c, d, row_a, row_b, token_a, token_b;
  std::vector<int32_t> positions;

  Buffers()
      : a(kCount),
        b(kCount),
        c(kCount),
        d(kCount),
        row_a(kEmbed, 1.0f),
        row_b(kEmbed, 1.0f),
        token_a(kTokens, 0.5f),
        token_b(kTokens, 0.5f) {
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<float>(i % 1009) / 300.0f - 1.5f;
      b[i] = static_cast<float>(i % 1013) / 300.0f - 1.5f;
      d[i] = 0.01f;
    }
    for (int64_t i = 0; i < kTokens; ++i) positions.push_back(static_cast<int32_t>(i % 1024));
  }
};

struct Bench {
  const char* name;
  int64_t elements;
  int64_t bytes_per_element;  // read and written
  std::function<void(const Kernels&, Buffers&, int threads)> run;
};

constexpr int64_t kRows = kTokens * kEmbed;

const Bench kBenches[] = {
    {"add", kCount, 12,
     [](const Kernels& k, Buffers& m, int t) {
       k.add(m.a.data(), m.b.data(), kCount, m.c.data(), t);
     }},
    {"scale", kCount, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.scale(m.a.data(), m.d.data(), kCount, m.c.data(), t);
     }},
    {"fill", kCount, 4,
     [](const Kernels& k, Buffers& m, int t) { k.fill(1.0f, kCount, m.c.data(), t); }},
    {"gelu_tanh", kCount, 8,
     [](const Kernels& k, Buffers& m, int t) { k.gelu_tanh(m.a.data(), kCount, m.c.data(), t); }},
    {"gelu_tanh_grad", kCount, 12,
     [](const Kernels& k, Buffers& m, int t) {
       k.gelu_tanh_grad(m.b.data(), m.a.data(), kCount, m.c.data(), t);
     }},
    {"swiglu", kCount, 12,
     [](const Kernels& k, Buffers& m, int t) {
       k.swiglu(m.a.data(), m.b.data(), kCount, m.c.data(), t);
     }},
    {"swiglu_grad", kCount, 20,
     [](const Kernels& k, Buffers& m, int t) {
       k.swiglu_grad(m.d.data(), m.a.data(), m.b.data(), kCount, m.c.data(), m.d.data(), t);
     }},
    {"layer_norm", kRows, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.layer_norm(m.a.data(), m.row_a.data(), m.row_b.data(), kTokens, kEmbed, 1e-5f, m.c.data(),
                    m.token_a.data(), m.token_b.data(), t);
     }},
    {"layer_norm_input_grad", kRows, 16,
     [](const Kernels& k, Buffers& m, int t) {
       k.layer_norm_input_grad(m.b.data(), m.a.data(), m.row_a.data(), m.token_a.data(),
                               m.token_b.data(), m.d.data(), kTokens, kEmbed, m.c.data(), t);
     }},
    {"layer_norm_weight_grad", kRows, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.layer_norm_weight_grad(m.b.data(), m.a.data(), m.token_a.data(), m.token_b.data(), kTokens,
                                kEmbed, m.c.data(), m.d.data(), false, t);
     }},
    {"rms_norm", kRows, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.rms_norm(m.a.data(), m.row_a.data(), kTokens, kEmbed, 1e-5f, m.c.data(), m.token_a.data(),
                  t);
     }},
    {"rms_norm_input_grad", kRows, 16,
     [](const Kernels& k, Buffers& m, int t) {
       k.rms_norm_input_grad(m.b.data(), m.a.data(), m.row_a.data(), m.token_a.data(), m.d.data(),
                             kTokens, kEmbed, m.c.data(), t);
     }},
    {"rms_norm_weight_grad", kRows, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.rms_norm_weight_grad(m.b.data(), m.a.data(), m.token_a.data(), kTokens, kEmbed, m.c.data(),
                              false, t);
     }},
    {"sum_rows", kRows, 4,
     [](const Kernels& k, Buffers& m, int t) {
       k.sum_rows(m.a.data(), kTokens, kEmbed, m.c.data(), false, t);
     }},
    {"rope", kRows, 8,
     [](const Kernels& k, Buffers& m, int t) {
       k.rope(m.a.data(), m.positions.data(), m.d.data(), kTokens, kHeads, kHeadDim, false,
              m.c.data(), t);
     }},
    {"dropout", kCount, 8,
     [](const Kernels& k, Buffers& m, int t) {
       const GlobalIndex3 index = {{1, 1, kCount}, {0, 0, 0}, {1, 1, kCount}};
       k.dropout(m.a.data(), index, {1, 2}, 0.1f, m.c.data(), t);
     }},
    {"fill_normal", kRows, 4,
     [](const Kernels& k, Buffers& m, int t) {
       k.fill_normal({1, 2}, 0, kRows, 0.0f, 0.02f, m.c.data(), t);
     }},
    {"sum_squares", kCount, 4,
     [](const Kernels& k, Buffers& m, int t) {
       double sum;
       k.sum_squares(m.a.data(), kCount, &sum, false, t);
       benchmark::DoNotOptimize(sum);
     }},
    {"adamw", kCount, 28,
     [](const Kernels& k, Buffers& m, int t) {
       const AdamW config = {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f};
       const float one = 1.0f, zero = 0.0f;
       k.adamw(m.a.data(), m.c.data(), m.d.data(), m.b.data(), &one, &zero, kCount, config, t);
     }},
};

void measure(benchmark::State& state, const Bench& bench, const Kernels& kernels, int threads) {
  Buffers buffers;
  for (auto _ : state) {
    bench.run(kernels, buffers, threads);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * bench.elements * bench.bytes_per_element);
  state.SetItemsProcessed(state.iterations() * bench.elements);
}

}  // namespace
}  // namespace tutti::cpu

int main(int argc, char** argv) {
  using namespace tutti::cpu;
  for (const Isa isa : {Isa::kPortable, Isa::kV3, Isa::kV4}) {
    if (!has_isa(isa)) continue;
    const Kernels& kernels = fast_kernels(isa);
    for (const Bench& bench : kBenches) {
      for (const int threads : {1, 2}) {
        const std::string name =
            std::string(bench.name) + "/" + kernels.name + "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), [&bench, &kernels, threads](auto& state) {
          measure(state, bench, kernels, threads);
        })->UseRealTime();
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
