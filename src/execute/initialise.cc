#include "execute/initialise.h"

#include <algorithm>
#include <map>

#include "base/rng.h"
#include "program/stored.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

constexpr int64_t kPieceElements = 1 << 16;

// Calls make(first, count, out) for all elements at a location: once where they are FP32 in the
// arena, else piece by piece, each of which is then rounded or written to where it is.
template <typename Make>
Status write_elements(Executor& executor, DType dtype, Location to, int64_t count,
                      const Make& make) {
  const bool wide = dtype == DType::kF32;
  TUTTI_CHECK(wide || dtype == DType::kBF16, "a parameter in {}", dtype_name(dtype));
  if (wide && !to.offloaded) {
    make(0, count, reinterpret_cast<float*>(executor.at(to)));
    return {};
  }
  std::vector<float> piece(static_cast<size_t>(std::min(count, kPieceElements)));
  std::vector<uint16_t> rounded(wide ? 0 : piece.size());
  for (int64_t first = 0; first < count; first += kPieceElements) {
    const int64_t size = std::min(kPieceElements, count - first);
    make(first, size, piece.data());
    if (!wide) std::transform(piece.begin(), piece.begin() + size, rounded.begin(), f32_to_bf16);
    const auto element = static_cast<int64_t>(dtype_bytes(dtype));
    const void* const bytes = wide ? static_cast<const void*>(piece.data()) : rounded.data();
    TUTTI_TRY(executor.write(to + first * element, std::span(static_cast<const char*>(bytes),
                                                             static_cast<size_t>(size * element))));
  }
  return {};
}

// Elements that follow one another in a rank's part and in the whole, from each multiple of it on.
int64_t run_elements(const StoredParameter& parameter, const StoredRange& range) {
  int64_t run = 1;
  for (size_t d = range.sizes.size(); d-- > 0;) {
    run *= range.sizes[d];
    if (range.sizes[d] != parameter.type.dims[d].size) break;
  }
  return run;
}

struct Filling {
  const cpu::Kernels& kernels;
  int threads;

  // Elements [first, first + count) of the whole parameter.
  void fill(const ParameterInfo& info, RngKey key, int64_t first, int64_t count, float* out) const {
    if (info.initialisation == Initialisation::kNormal) {
      const auto stddev = static_cast<float>(info.stddev);
      kernels.fill_normal(key, first, count, 0.0f, stddev, out, threads);
    } else {
      const float constant = info.initialisation == Initialisation::kOnes ? 1.0f : 0.0f;
      kernels.fill(constant, count, out, threads);
    }
  }
};

Status initialise(Executor& executor, size_t program_index, const StoredParameter& parameter,
                  const ParameterInfo& info, RngKey key, const Filling& filling) {
  const Program& program = executor.program(program_index);
  const Buffer& buffer = program.buffer(program.find(parameter.buffer));
  const StoredRange range = stored_range(program, parameter, buffer, executor.rank());
  const DType dtype = buffer.type.dtype;
  const std::vector<Dim>& dims = parameter.type.dims;
  const int64_t elements = element_count(dims);
  const int64_t valid = info.valid_rows < 0 ? elements : elements / dims[0].size * info.valid_rows;
  const int64_t run = run_elements(parameter, range);
  Location to = range.location;
  for (int64_t local = range.begin; local < range.end;) {
    const int64_t count = std::min(run - local % run, range.end - local);
    const int64_t global = logical_index(parameter, range, local);
    TUTTI_TRY(
        write_elements(executor, dtype, to, count, [&](int64_t first, int64_t size, float* out) {
          const int64_t filled = std::clamp<int64_t>(valid - global - first, 0, size);
          filling.fill(info, key, global + first, filled, out);
          filling.kernels.fill(0.0f, size - filled, out + filled, filling.threads);
        }));
    to.offset += count * static_cast<int64_t>(dtype_bytes(dtype));
    local += count;
  }
  return {};
}

}  // namespace

Status initialise_parameters(Executor& executor, size_t program, const StepGraph& step,
                             uint64_t seed, const cpu::Kernels& kernels, int threads) {
  std::map<std::string, const ParameterInfo*> infos;
  for (const ParameterInfo& info : step.model.parameters) {
    infos[step.graph.value(info.value).name] = &info;
  }
  for (const StoredParameter& parameter : stored_parameters(executor.program(program))) {
    const RngKey key = rng_key(seed, 0, stable_hash(parameter.name));
    TUTTI_TRY(initialise(executor, program, parameter, *infos.at(parameter.name), key,
                         {kernels, threads}));
  }
  return {};
}

}  // namespace tutti
