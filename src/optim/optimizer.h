// The optimizer as ops of the epilogue: reduction of gradients, global norm, clipping, AdamW.
//
// What changes from step to step comes in as scalars: "lr", "bias_correction1", "bias_correction2".
#pragma once

#include <string>
#include <vector>

#include "autodiff/differentiate.h"
#include "base/status.h"
#include "ir/builder.h"

namespace tutti {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double grad_clip = 1.0;  // largest global norm; 0 never clips
};

struct OptimizerOutputs {
  ValueId grad_norm;  // f32[]
  ValueId skip;       // f32[]: 1 when the step changed nothing because the norm was not finite
};

// `decayed[i]` says whether the weight decay applies to gradients[i].parameter.
OptimizerOutputs add_adamw(GraphBuilder& builder, const std::vector<ParameterGradients>& gradients,
                           const std::vector<bool>& decayed, const OptimizerOptions& options);

}  // namespace tutti
