// A run's tensors as checkpoints know them: by the name of the model, without the padding rows of
// the vocabulary, so that a checkpoint does not depend on how a program lays them out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "checkpoint/save.h"
#include "checkpoint/tensor_source.h"
#include "execute/executor.h"
#include "models/step_graph.h"

namespace tutti {

// Valid while its executor is. The bytes are those of the arena.
struct ModelTensor {
  std::string name;
  DType dtype = DType::kF32;
  Sizes sizes;  // without padding
  std::span<char> bytes;
};

enum class TensorSet {
  kParameters,
  kParametersAndState,  // with the optimizer's moments, NAME.m and NAME.v
};

// Those of program `program`, whose graph is `step`, in the order of the model.
std::vector<ModelTensor> model_tensors(const Executor& executor, size_t program,
                                       const StepGraph& step, TensorSet set);

int64_t total_bytes(const std::vector<ModelTensor>& tensors);

// The tensors of a snapshot; they point into the arena.
std::vector<SnapshotTensor> snapshot_tensors(const std::vector<ModelTensor>& tensors);

// Fills every tensor from `source`. The first that is missing, or has another dtype or other
// sizes, is an error that names it, before any is changed. With kAnyFloat a tensor is rounded to
// nearest with ties to even, or widened; meanwhile that takes memory for the largest one (kResource
// when it is not there). Padding rows are left as they are.
Status load_tensors(TensorSource& source, const std::vector<ModelTensor>& tensors,
                    StoredAs stored_as = StoredAs::kSameType);

}  // namespace tutti
