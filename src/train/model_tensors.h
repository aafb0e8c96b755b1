// A run's tensors as checkpoints know them: by the name of the model, without the padding rows of
// the vocabulary, so that a checkpoint does not depend on how programs lay them out over ranks.
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

// What this rank holds of a tensor. Valid while its executor is.
struct ModelTensor {
  std::string name;
  DType dtype = DType::kF32;
  Sizes sizes;             // of all of it, without padding
  std::vector<Box> boxes;  // what is held: none, when other ranks hold it all
  std::span<char> bytes;   // of the arena: the boxes' elements, box after box
  bool written = true;     // by this rank: no rank of a lower number holds the same
  // Of one that is offloaded: `bytes` is empty then.
  struct Away {
    Executor* executor = nullptr;  // that reads and writes them
    Location location;
    uint64_t bytes = 0;
  } away = {};

  uint64_t byte_count() const { return away.executor != nullptr ? away.bytes : bytes.size(); }
  // Those from `first` on, wherever they are.
  Status read(uint64_t first, std::span<char> out) const;
  Status write(uint64_t first, std::span<const char> in) const;
};

enum class TensorSet {
  kParameters,
  kParametersAndState,  // with the optimizer's moments, NAME.m and NAME.v
};

// Those of program `program`, whose graph is `step`, in the order of the model; on every rank but
// for those of other stages.
std::vector<ModelTensor> model_tensors(Executor& executor, size_t program, const StepGraph& step,
                                       TensorSet set);

int64_t total_bytes(const std::vector<ModelTensor>& tensors);

// The tensors of a snapshot, which are those that this rank writes; they point into the arena, or
// read what is offloaded.
std::vector<SnapshotTensor> snapshot_tensors(const std::vector<ModelTensor>& tensors);

// Bytes of such a snapshot, before there is an executor.
int64_t snapshot_bytes(const Program& program, int rank, const StepGraph& step, TensorSet set);

// Fills what this rank holds from `source`. The first tensor that is missing, or has another dtype
// or other sizes, is an error that names it, before any is changed. With kAnyFloat a tensor is
// rounded to nearest with ties to even, or widened; meanwhile that takes memory for the largest one
// (kResource when it is not there). What is offloaded goes there in pieces of some MiB. Padding
// rows are left as they are.
Status load_tensors(TensorSource& source, const std::vector<ModelTensor>& tensors,
                    StoredAs stored_as = StoredAs::kSameType);

}  // namespace tutti
