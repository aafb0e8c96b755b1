#include "execute/machine.h"

#include <algorithm>
#include <functional>
#include <span>

#include "execute/cpu.h"
#include "execute/matrix_product.h"
#include "tensor/arena.h"

namespace tutti {
namespace {

constexpr int64_t kEdgeMax = 4096;
constexpr int64_t kEdgeMin = 256;
constexpr int64_t kArrayElements = kEdgeMax * kEdgeMax;  // 64 MiB, above most caches
constexpr int kArrays = 3;

struct Arrays {
  float* a;
  float* b;
  float* c;
};

// The shortest of the calls that fit in `seconds`, at least three: noise only ever adds time.
double best_time_s(Clock& clock, double seconds, const std::function<void()>& call) {
  const double start_s = clock.monotonic_s();
  double best_s = 0;
  for (int calls = 0; calls < 3 || clock.monotonic_s() - start_s < seconds; ++calls) {
    const double begin_s = clock.monotonic_s();
    call();
    const double elapsed_s = clock.monotonic_s() - begin_s;
    best_s = calls == 0 ? elapsed_s : std::min(best_s, elapsed_s);
  }
  return std::max(best_s, 1e-9);
}

// The largest power-of-two edge whose product takes at most a tenth of `seconds`: large enough for
// the full rate on many cores, small enough to be repeated on few. The shortest of three calls
// counts, since the first one of a shape may include the making of its kernel.
int64_t choose_edge(Clock& clock, double seconds, int threads, const Arrays& arrays) {
  int64_t n = kEdgeMin;
  while (n < kEdgeMax) {
    const double best_s = best_time_s(
        clock, 0, [&] { square_matrix_product(n, arrays.a, arrays.b, arrays.c, threads); });
    // The next edge costs eight times as much.
    if (8 * best_s > seconds / 10) break;
    n *= 2;
  }
  return n;
}

double measure_matrix(Clock& clock, double seconds, int threads, const Arrays& arrays) {
  const int64_t n = choose_edge(clock, seconds, threads, arrays);
  const double best_s = best_time_s(
      clock, seconds, [&] { square_matrix_product(n, arrays.a, arrays.b, arrays.c, threads); });
  return 2.0 * static_cast<double>(n * n * n) / best_s;
}

double measure_memory(Clock& clock, double seconds, int threads, const Arrays& arrays) {
  const float* b = arrays.b;
  const float* c = arrays.c;
  float* a = arrays.a;
  const double best_s = best_time_s(clock, seconds, [&] {
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (int64_t i = 0; i < kArrayElements; ++i) a[i] = b[i] + 0.5f * c[i];
  });
  return 3.0 * sizeof(float) * static_cast<double>(kArrayElements) / best_s;
}

}  // namespace

MachineId this_machine(int threads) {
  return {describe_cpu().model, threads, matrix_product_library()};
}

Result<MachinePeaks> measure_machine(Clock& clock, int threads, double seconds) {
  TUTTI_ASSIGN(const Arena arena, Arena::create(kArrays * kArrayElements * sizeof(float)));
  arena.first_touch(threads);
  float* data = reinterpret_cast<float*>(arena.data());
  const Arrays arrays = {data, data + kArrayElements, data + 2 * kArrayElements};
  // Ordinary numbers: a product of zeros can be faster than it should be.
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < kArrays * kArrayElements; ++i) {
    data[i] = static_cast<float>(i % 251) / 251.0f - 0.5f;
  }
  MachinePeaks peaks;
  peaks.id = this_machine(threads);
  peaks.memory_bytes_per_s = measure_memory(clock, seconds / 4, threads, arrays);
  peaks.matrix_flops_per_s = measure_matrix(clock, seconds * 3 / 4, threads, arrays);
  return peaks;
}

}  // namespace tutti
