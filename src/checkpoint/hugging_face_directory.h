// Reading a directory in Hugging Face's conventions: config.json and the weights as safetensors, in
// one file or sharded with an index. Its tensors are the model's parameters, under the model's
// names, as F32, whatever they are stored as.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_source.h"
#include "models/config.h"
#include "models/hugging_face_layout.h"

namespace tutti {

inline constexpr const char* kHuggingFaceConfigName = "config.json";
inline constexpr const char* kHuggingFaceGenerationName = "generation_config.json";
inline constexpr uint64_t kHuggingFaceConfigBytesMax = 4 << 20;
inline constexpr uint64_t kHuggingFaceIndexBytesMax = 256 << 20;

// Movable; not thread-safe. The files stay mapped.
// Invariant: every parameter of the model is there with its shape, in F32, F16 or BF16, and nothing
// else is but the buffers that older versions stored.
class HuggingFaceDirectory : public TensorSource {
 public:
  // kNotFound: no config.json, no safetensors weights, a shard that the index names and that is not
  // there. kInvalidArgument: a model or dtype that is not supported. kCorrupt: anything that is not
  // what the rest says. The error names the file, and the tensor or key.
  static Result<HuggingFaceDirectory> open(FileSystem& fs, const std::string& directory);

  const std::string& directory() const override { return directory_; }
  const ModelConfig& model() const { return model_; }
  // What the largest part of the weights is stored as.
  DType stored_dtype() const { return stored_dtype_; }
  size_t files() const { return files_.size(); }
  const HuggingFaceLayout& layout() const { return layout_; }

  std::optional<TensorType> type_of(const std::string& name) const override;
  Status read(const std::string& name, std::span<char> out) override;
  Status read_boxes(const std::string& name, std::span<const Box> boxes,
                    std::span<char> out) override;

 private:
  struct Stored {
    size_t file = 0;
    const SafetensorsTensor* tensor = nullptr;
  };

  HuggingFaceDirectory() = default;
  Status open_files(FileSystem& fs);
  Status open_file(FileSystem& fs, const std::string& name);
  Status check_index(const std::map<std::string, std::string>& file_of,
                     const std::string& path) const;
  Status match_layout();
  Status check_tensor(const HuggingFaceTensor& wanted, const Stored& stored);
  Status check_surplus() const;
  bool repeats_embedding(const Stored& head) const;
  std::string stored_name(const std::string& layout_name) const;

  std::string directory_;
  ModelConfig model_;
  HuggingFaceLayout layout_;
  bool has_prefix_ = true;  // whether the names begin with the layout's base prefix
  DType stored_dtype_ = DType::kF32;
  std::vector<SafetensorsReader> files_;
  std::unordered_map<std::string, Stored> stored_;   // by name in the files
  std::vector<Stored> of_layout_;                    // by index of the layout's tensor
  std::unordered_map<std::string, size_t> part_of_;  // by parameter, index of the layout's part
};

// The model that the config.json of such a directory describes; errors as above.
Result<ModelConfig> read_hugging_face_model(FileSystem& fs, const std::string& directory);

// Whether `path` is meant as such a directory: a config.json is there, whatever it holds.
bool is_hugging_face_directory(FileSystem& fs, const std::string& path);

}  // namespace tutti
