// The graph of one step: prologue (token count), body (forward and backward of a microbatch) and
// epilogue (norm, clip, update), still for a single device. The sizes of `batch` and `microbatch`
// are symbolic until a plan binds them.
#pragma once

#include "base/status.h"
#include "models/model.h"
#include "ops/op_def.h"
#include "optim/optimizer.h"

namespace tutti {

struct StepGraph {
  Graph graph;
  ModelGraph model;
  ValueId loss;       // f32[]: mean over labelled tokens of the step
  ValueId grad_norm;  // f32[]; training only
  ValueId skip;       // f32[]: 1 when the update was skipped; training only
};

// Inputs: tokens, positions, labels (one microbatch each) and all_labels[microbatch, batch, seq].
Result<StepGraph> build_train_step(const OpTable& ops, const ModelConfig& config,
                                   const BuildOptions& options, const OptimizerOptions& optimizer);

// The mean loss of a step's microbatches, without gradients.
Result<StepGraph> build_evaluation_step(const OpTable& ops, const ModelConfig& config,
                                        BuildOptions options);

// One call of generation: the logits after the last of `options.seq` tokens, with a cache.
Result<StepGraph> build_generation_step(const OpTable& ops, const ModelConfig& config,
                                        BuildOptions options);

}  // namespace tutti
