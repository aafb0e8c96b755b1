// A reference case compiled for one rank and ready to run, step by step. Not thread-safe; owns its
// executor. Test-only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "execute/executor.h"
#include "kernels/cpu/kernels.h"
#include "reference/reference_case.h"
#include "tensor/shape.h"

namespace tutti {

class ReferenceRun {
 public:
  // `kernels` must outlive the run. Parameters start as zeros.
  static Result<std::unique_ptr<ReferenceRun>> create(const ReferenceCase& c,
                                                      const cpu::Kernels& kernels, int threads);

  struct Parameter {
    std::string name;
    Sizes sizes;  // without padding
  };
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // The elements without padding, row-major. The gradient is the last step's: of the mean loss,
  // before clipping. Valid until the run ends.
  std::span<float> weights(const Parameter& parameter);
  std::span<const float> gradient(const Parameter& parameter) const;

  struct StepResult {
    float loss = 0;
    float grad_norm = 0;
  };
  // Step number `step`, the first being 0, at learning rate `lr`.
  StepResult step(const ReferenceBatch& batch, int64_t step, double lr);

 private:
  ReferenceRun() = default;
  void set_scalar(std::string_view name, double value);

  ReferenceCase case_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace tutti
