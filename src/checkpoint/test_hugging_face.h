// Small models in Hugging Face's conventions on a disk in memory, with contents that tell every
// element from every other.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/fs.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/tensor_source.h"
#include "models/hugging_face_config.h"
#include "models/hugging_face_layout.h"
#include "models/presets.h"
#include "tensor/float_conversion.h"

namespace tutti {

inline ModelConfig small_hugging_face_model(Architecture architecture) {
  ModelConfig model;
  model.architecture = architecture;
  model.layers = 2;
  model.embed = 8;
  model.heads = 4;
  model.kv_heads = architecture == Architecture::kGpt2 ? 4 : 2;
  model.head_dim = 2;
  model.mlp = 12;
  model.vocab = 10;
  model.context = 16;
  model.tied_embeddings = architecture == Architecture::kGpt2;
  if (architecture == Architecture::kGpt2) {
    model.qkv_bias = model.output_bias = model.mlp_bias = true;
  }
  return model;
}

// A stored tensor: exact in each of the 16-bit types, different for each element and tensor.
inline std::vector<float> stored_values(const HuggingFaceTensor& tensor, size_t index) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor.sizes)));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i % 128) - 0.5f * static_cast<float>(index % 2);
  }
  return values;
}

struct StoredTensor {
  std::string name;
  std::string dtype = "F32";
  Sizes sizes;
  std::vector<float> values = {};
  std::string raw = {};  // instead of values, for dtypes that are none of ours
};

// All tensors of the model.
inline std::vector<StoredTensor> stored_tensors(const ModelConfig& model) {
  std::vector<StoredTensor> tensors;
  for (const HuggingFaceTensor& tensor : hugging_face_layout(model).tensors) {
    tensors.push_back({tensor.name, "F32", tensor.sizes, stored_values(tensor, tensors.size())});
  }
  return tensors;
}

inline std::string stored_bytes(const StoredTensor& tensor) {
  if (!tensor.raw.empty()) return tensor.raw;
  const DType dtype = tensor.dtype == "BF16"  ? DType::kBF16
                      : tensor.dtype == "F16" ? DType::kF16
                                              : DType::kF32;
  std::string bytes(tensor.values.size() * dtype_bytes(dtype), '\0');
  convert_from_f32(dtype, tensor.values, bytes);
  return bytes;
}

// The bytes of a safetensors file, written here so that the writer is not tested by itself.
inline std::string safetensors_file(const std::vector<StoredTensor>& tensors,
                                    const std::string& format = "pt") {
  std::string header = R"({"__metadata__":{"format":")" + format + "\"}", data;
  for (const StoredTensor& tensor : tensors) {
    const std::string bytes = stored_bytes(tensor);
    header += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          tensor.name, tensor.dtype, fmt::join(tensor.sizes, ","), data.size(),
                          data.size() + bytes.size());
    data += bytes;
  }
  header += "}";
  const uint64_t length = header.size();
  std::string prefix(8, '\0');
  std::memcpy(prefix.data(), &length, 8);
  return prefix + header + data;
}

inline void put_file(FileSystem& fs, const std::string& path, const std::string& bytes) {
  ASSERT_TRUE(fs.create_directories(parent_path(path)).ok());
  ASSERT_TRUE(write_file_atomic(fs, path, bytes).ok());
}

inline void put_hugging_face_config(FileSystem& fs, const std::string& directory,
                                    const ModelConfig& model) {
  const auto text = format_hugging_face_config(model, {});
  ASSERT_TRUE(text.ok()) << text.message();
  put_file(fs, join_path(directory, "config.json"), *text);
}

inline void put_hugging_face_model(FileSystem& fs, const std::string& directory,
                                   const ModelConfig& model) {
  put_hugging_face_config(fs, directory, model);
  put_file(fs, join_path(directory, "model.safetensors"), safetensors_file(stored_tensors(model)));
}

// Parameters in memory.
class MemorySource : public TensorSource {
 public:
  explicit MemorySource(const ModelConfig& model) {
    for (const HuggingFacePart& part : hugging_face_layout(model).parts) {
      std::vector<float>& values = values_[part.parameter];
      sizes_[part.parameter] = part.sizes;
      for (int64_t i = 0; i < element_count(part.sizes); ++i) {
        values.push_back(static_cast<float>(i % 200) + 0.25f * static_cast<float>(sizes_.size()));
      }
    }
  }

  const std::string& directory() const override { return directory_; }
  std::optional<TensorType> type_of(const std::string& name) const override {
    const auto found = sizes_.find(name);
    if (found == sizes_.end()) return std::nullopt;
    return TensorType{DType::kF32, found->second};
  }
  Status read(const std::string& name, std::span<char> out) override {
    std::memcpy(out.data(), values_.at(name).data(), out.size());
    return {};
  }

  std::vector<float>& values(const std::string& name) { return values_.at(name); }
  void remove(const std::string& name) { sizes_.erase(name); }

 private:
  std::string directory_ = "memory";
  std::map<std::string, std::vector<float>> values_;
  std::map<std::string, Sizes> sizes_;
};

inline std::vector<float> read_values(TensorSource& source, const std::string& name) {
  const auto type = source.type_of(name);
  EXPECT_TRUE(type.has_value()) << name;
  if (!type) return {};
  std::vector<float> values(static_cast<size_t>(element_count(type->sizes)));
  const Status status =
      source.read(name, {reinterpret_cast<char*>(values.data()), values.size() * sizeof(float)});
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

}  // namespace tutti
