#include "execute/initialise.h"

#include <algorithm>

#include "base/rng.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

constexpr int64_t kPieceElements = 1 << 16;

// Calls write(first, count, out) for all elements of x, once where they are FP32, else piece by
// piece, each of which is then rounded.
template <typename Write>
void write_elements(const Operand& x, const Write& write) {
  const int64_t count = x.count();
  if (x.dtype == DType::kF32) return write(0, count, x.as<float>());
  TUTTI_CHECK(x.dtype == DType::kBF16, "a parameter in {}", dtype_name(x.dtype));
  std::vector<float> piece(static_cast<size_t>(std::min(count, kPieceElements)));
  for (int64_t first = 0; first < count; first += kPieceElements) {
    const int64_t size = std::min(kPieceElements, count - first);
    write(first, size, piece.data());
    std::transform(piece.begin(), piece.begin() + size, x.as<uint16_t>() + first, f32_to_bf16);
  }
}

}  // namespace

void initialise_parameters(Executor& executor, size_t program, const StepGraph& step, uint64_t seed,
                           const cpu::Kernels& kernels, int threads) {
  for (const ParameterInfo& info : step.model.parameters) {
    const Value& value = step.graph.value(info.value);
    const Operand x = executor.operand(program, value.name);
    const int64_t row = x.sizes.empty() ? 1 : x.count() / x.sizes[0];
    const int64_t valid = info.valid_rows < 0 ? x.count() : info.valid_rows * row;
    const RngKey key = rng_key(seed, 0, stable_hash(value.name));
    write_elements(x, [&](int64_t first, int64_t count, float* out) {
      const int64_t filled = std::clamp<int64_t>(valid - first, 0, count);
      if (info.initialisation == Initialisation::kNormal) {
        const auto stddev = static_cast<float>(info.stddev);
        kernels.fill_normal(key, first, filled, 0.0f, stddev, out, threads);
      } else {
        const float constant = info.initialisation == Initialisation::kOnes ? 1.0f : 0.0f;
        kernels.fill(constant, filled, out, threads);
      }
      kernels.fill(0.0f, count - filled, out + filled, threads);
    });
  }
}

}  // namespace tutti
