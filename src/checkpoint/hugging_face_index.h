// model.safetensors.index.json: which file of a sharded model holds each tensor. Pure functions;
// thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

inline constexpr const char* kHuggingFaceIndexName = "model.safetensors.index.json";
inline constexpr const char* kHuggingFaceSingleName = "model.safetensors";

struct HuggingFaceIndex {
  std::map<std::string, std::string> file_of;  // by tensor; plain names that end in .safetensors
};

// `path` names the index in errors (kCorrupt): not JSON, a key twice, no weight_map, a tensor's
// file that is no text, or a name that could lead out of the directory.
Result<HuggingFaceIndex> parse_hugging_face_index(std::string_view json, std::string_view path);

// The text of an index, as transformers writes it. kInvalidArgument: a name that is not UTF-8.
Result<std::string> format_hugging_face_index(const HuggingFaceIndex& index, uint64_t total_bytes,
                                              int64_t total_parameters);

// "model-00002-of-00007.safetensors"; `shard` counts from 1.
std::string hugging_face_shard_name(size_t shard, size_t shards);
bool is_hugging_face_shard_name(std::string_view name);

}  // namespace tutti
