// Writing a model's weights in Hugging Face's conventions: safetensors with metadata format = "pt",
// tensors sorted by name, in one file or sharded with an index. The same tensors give the same
// bytes. One stored tensor is in memory at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/staged_files.h"
#include "checkpoint/tensor_source.h"
#include "models/config.h"
#include "tensor/dtype.h"

namespace tutti {

// What transformers has used since it shards.
inline constexpr uint64_t kHuggingFaceShardBytes = 5'000'000'000;

struct HuggingFaceWeightOptions {
  DType dtype = DType::kF32;                          // kF32, kBF16 or kF16
  uint64_t shard_bytes_max = kHuggingFaceShardBytes;  // a larger tensor has a file of its own
  std::function<bool()> stop_requested = {};          // asked before each tensor; may be empty
};

// What the weights of a model come to; nothing is read for it.
struct HuggingFaceWeightPlan {
  std::vector<std::string> files;  // the index last, where there is one
  uint64_t total_bytes = 0;        // of tensors
  int64_t total_parameters = 0;
};
HuggingFaceWeightPlan plan_hugging_face_weights(const ModelConfig& model,
                                                const HuggingFaceWeightOptions& options);

// Stages the files of the plan. Every parameter of `model` is read from `source` as F32; one that
// is missing, or has another type, is an error before anything is written. kInvalidArgument: a
// value that F16 cannot hold. kInterrupted: it was asked to stop.
Status write_hugging_face_weights(FileSystem& fs, StagedFiles& files, const ModelConfig& model,
                                  TensorSource& source, const HuggingFaceWeightOptions& options);

// Whether weights, or their index, are stored under such a name.
bool is_hugging_face_weight_name(std::string_view name);

// Weights that lie in `directory` under the names of these conventions, sorted.
Result<std::vector<std::string>> hugging_face_weight_files(FileSystem& fs,
                                                           const std::string& directory);

}  // namespace tutti
