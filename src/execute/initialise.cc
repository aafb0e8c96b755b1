#include "execute/initialise.h"

#include "base/rng.h"

namespace tutti {

void initialise_parameters(Executor& executor, size_t program, const StepGraph& step, uint64_t seed,
                           const cpu::Kernels& kernels, int threads) {
  for (const ParameterInfo& info : step.model.parameters) {
    const Value& value = step.graph.value(info.value);
    const Operand x = executor.operand(program, value.name);
    const int64_t count = x.count();
    const int64_t row = x.sizes.empty() ? 1 : count / x.sizes[0];
    const int64_t valid = info.valid_rows < 0 ? count : info.valid_rows * row;
    if (info.initialisation == Initialisation::kNormal) {
      const RngKey key = rng_key(seed, 0, stable_hash(value.name));
      kernels.fill_normal(key, 0, valid, 0.0f, static_cast<float>(info.stddev), x.as<float>(), threads);
    } else {
      const float constant = info.initialisation == Initialisation::kOnes ? 1.0f : 0.0f;
      kernels.fill(constant, valid, x.as<float>(), threads);
    }
    kernels.fill(0.0f, count - valid, x.as<float>() + valid, threads);
  }
}

}  // namespace tutti
