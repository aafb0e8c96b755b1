#include "checkpoint/hugging_face_index.h"

#include <charconv>

#include "base/fs.h"
#include "base/json.h"

namespace tutti {

Result<HuggingFaceIndex> parse_hugging_face_index(std::string_view text, std::string_view path) {
  TUTTI_ASSIGN(const Json object, parse_json(text, path));
  if (!object.is_object()) {
    return corrupt("{}: got {}, expected an object", path, object.type_name());
  }
  const Json* weight_map = object.find("weight_map");
  if (weight_map == nullptr || !weight_map->is_object()) {
    return corrupt("{}: \"weight_map\" is {}, expected an object", path,
                   weight_map == nullptr ? "missing" : weight_map->type_name());
  }
  HuggingFaceIndex index;
  for (const auto& [tensor, value] : weight_map->members()) {
    if (!value.is_string()) {
      return corrupt("{}: the file of tensor \"{}\" is of type {}, expected a string", path, tensor,
                     value.type_name());
    }
    const auto& file = value.text();
    if (!is_plain_file_name(file) || !file.ends_with(".safetensors")) {
      return corrupt(
          "{}: the file of tensor \"{}\" is {}, expected the plain name of a .safetensors file",
          path, tensor, value.dump());
    }
    index.file_of.emplace(tensor, file);
  }
  if (index.file_of.empty()) return corrupt("{}: \"weight_map\" names no tensor", path);
  return index;
}

Result<std::string> format_hugging_face_index(const HuggingFaceIndex& index, uint64_t total_bytes,
                                              int64_t total_parameters) {
  for (const auto& [tensor, file] : index.file_of) TUTTI_TRY(json_quoted(tensor));
  const Json object = {
      {"metadata", {{"total_parameters", total_parameters}, {"total_size", total_bytes}}},
      {"weight_map", index.file_of}};
  return object.dump(2) + "\n";
}

std::string hugging_face_shard_name(size_t shard, size_t shards) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard, shards);
}

bool is_hugging_face_shard_name(std::string_view name) {
  constexpr std::string_view kBegin = "model-", kOf = "-of-";
  const size_t of = name.find(kOf);
  if (!name.starts_with(kBegin) || of == std::string_view::npos) return false;
  size_t shard = 0, shards = 0;
  std::from_chars(name.data() + kBegin.size(), name.data() + of, shard);
  std::from_chars(name.data() + of + kOf.size(), name.data() + name.size(), shards);
  return name == hugging_face_shard_name(shard, shards);
}

}  // namespace tutti
