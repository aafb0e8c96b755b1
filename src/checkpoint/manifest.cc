#include "checkpoint/manifest.h"

#include <algorithm>
#include <set>

#include "base/fs.h"

namespace tutti {

namespace {

Status check_files(const Manifest& manifest, std::string_view path) {
  std::set<std::string_view> names;
  for (const ShardFile& file : manifest.files) {
    if (!is_plain_file_name(file.name) || file.name == kManifestName) {
      return corrupt("{}: file name \"{}\" is not a plain name in this directory", path, file.name);
    }
    if (!names.insert(file.name).second) {
      return corrupt("{}: file \"{}\" is listed twice", path, file.name);
    }
  }
  return {};
}

using ShardNames = std::set<std::pair<std::string_view, std::string_view>>;

Status check_tensor(const LogicalTensor& tensor, const std::set<std::string_view>& files,
                    ShardNames& shard_names, const std::string& what) {
  const Result<int64_t> count = checked_element_count(tensor.sizes, tensor.dtype);
  if (!count.ok()) return corrupt("{}: {}", what, count.message());
  if (count.value() == 0) {
    return corrupt("{}: sizes {}, expected each to be at least 1", what, sizes_text(tensor.sizes));
  }
  std::vector<Box> boxes;
  for (const Shard& shard : tensor.shards) {
    if (!files.contains(shard.file)) {
      return corrupt("{}: a shard lies in \"{}\", which is not in the list of files", what,
                     shard.file);
    }
    if (!shard_names.emplace(shard.file, shard.tensor).second) {
      return corrupt("{}: tensor \"{}\" of \"{}\" is a shard twice", what, shard.tensor,
                     shard.file);
    }
    if (shard.boxes.empty()) return corrupt("{}: a shard in \"{}\" has no box", what, shard.file);
    boxes.insert(boxes.end(), shard.boxes.begin(), shard.boxes.end());
  }
  return check_tiling(boxes, tensor.sizes, what);
}

}  // namespace

int64_t shard_elements(const Shard& shard) {
  int64_t elements = 0;
  for (const Box& box : shard.boxes) elements += element_count(box.size);
  return elements;
}

Sizes shard_sizes(const Shard& shard) {
  if (shard.boxes.size() == 1) return shard.boxes.front().size;
  return {shard_elements(shard)};
}

int64_t tensor_bytes(const LogicalTensor& tensor) {
  return element_count(tensor.sizes) * static_cast<int64_t>(dtype_bytes(tensor.dtype));
}

bool is_write_token(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
}

Status check_manifest(const Manifest& manifest, std::string_view path) {
  if (!is_write_token(manifest.write_token)) {
    return corrupt("{}: write_token is \"{}\", expected 1 to 64 of 0-9 and a-z", path,
                   manifest.write_token);
  }
  if (manifest.save_index < 1 || manifest.step < 0 || manifest.world_size < 1 ||
      manifest.data_position < 0) {
    return corrupt("{}: save_index {}, step {}, world_size {} or data_position {} is out of range",
                   path, manifest.save_index, manifest.step, manifest.world_size,
                   manifest.data_position);
  }
  if (!manifest.trainer.is_object()) {
    return corrupt("{}: trainer is of type {}, expected an object", path,
                   manifest.trainer.type_name());
  }
  TUTTI_TRY(check_files(manifest, path));
  std::set<std::string_view> files, names;
  for (const ShardFile& file : manifest.files) files.insert(file.name);
  ShardNames shard_names;
  for (const LogicalTensor& tensor : manifest.tensors) {
    const std::string what = fmt::format("{}: tensor \"{}\"", path, tensor.name);
    if (!names.insert(tensor.name).second) return corrupt("{}: the name occurs twice", what);
    TUTTI_TRY(check_tensor(tensor, files, shard_names, what));
  }
  return {};
}

}  // namespace tutti
