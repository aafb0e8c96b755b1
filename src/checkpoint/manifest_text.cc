// Printing and parsing of manifests.

#include "base/digest.h"
#include "base/json.h"
#include "checkpoint/manifest.h"
#include "checkpoint/manifest_json.h"

namespace tutti {

namespace {

constexpr std::string_view kFormatName = "tutti-checkpoint";
constexpr std::string_view kDigestPrefix = "{\"digest\":\"";
constexpr size_t kDigestHexChars = 32;
constexpr size_t kContentStart = kDigestPrefix.size() + kDigestHexChars;

Result<Digest> parse_digest_key(const Json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const std::string hex, json_string(object, key, what));
  const Result<Digest> digest = parse_digest(hex);
  if (!digest.ok()) return corrupt("{}: {}", what, digest.message());
  return digest;
}

Result<Box> parse_box(const Json& value, const std::string& what) {
  if (!value.is_array())
    return corrupt("{}: a box is of type {}, expected an array", what, value.type_name());
  Box box;
  for (const Json& range : value) {
    TUTTI_ASSIGN(const Sizes pair, json_sizes(range, what + ": box"));
    if (pair.size() != 2) {
      return corrupt("{}: {} in a box, expected [offset, size]", what, range.dump());
    }
    box.offset.push_back(pair[0]);
    box.size.push_back(pair[1]);
  }
  return box;
}

Result<Shard> parse_shard(const Json& object, const std::string& what) {
  TUTTI_TRY(json_only_keys(object, {"file", "tensor", "boxes", "digest"}, what));
  Shard shard;
  TUTTI_ASSIGN(shard.file, json_string(object, "file", what));
  TUTTI_ASSIGN(shard.tensor, json_string(object, "tensor", what));
  TUTTI_ASSIGN(shard.digest, parse_digest_key(object, "digest", what));
  TUTTI_ASSIGN(const Json* boxes, json_array(object, "boxes", what));
  for (const Json& value : *boxes) {
    TUTTI_ASSIGN(Box box, parse_box(value, what));
    shard.boxes.push_back(std::move(box));
  }
  return shard;
}

Result<Manifest> parse_content(const Json& object, std::string_view path) {
  Manifest manifest;
  TUTTI_ASSIGN(const std::string format, json_string(object, "format", path));
  if (format != kFormatName) {
    return corrupt("{}: format is \"{}\", expected \"{}\"", path, format, kFormatName);
  }
  TUTTI_ASSIGN(const int64_t version, json_integer(object, "version", path));
  if (version != kManifestVersion) {
    return corrupt("{}: version {} of the format, this program reads version {}", path, version,
                   kManifestVersion);
  }
  TUTTI_TRY(json_only_keys(object,
                           {"digest", "format", "version", "write_token", "save_index", "step",
                            "world_size", "plan", "data_position", "trainer", "files", "tensors"},
                           path));
  TUTTI_ASSIGN(manifest.write_token, json_string(object, "write_token", path));
  TUTTI_ASSIGN(manifest.save_index, json_integer(object, "save_index", path));
  TUTTI_ASSIGN(manifest.step, json_integer(object, "step", path));
  TUTTI_ASSIGN(manifest.world_size, json_integer(object, "world_size", path));
  TUTTI_ASSIGN(manifest.plan, json_string(object, "plan", path));
  TUTTI_ASSIGN(manifest.data_position, json_integer(object, "data_position", path));
  if (!object.contains("trainer")) return corrupt("{}: key \"trainer\" is missing", path);
  manifest.trainer = object["trainer"];
  TUTTI_ASSIGN(const Json* files, json_array(object, "files", path));
  for (const Json& value : *files) {
    TUTTI_ASSIGN(ShardFile file, parse_shard_file(value, fmt::format("{}: files", path)));
    manifest.files.push_back(std::move(file));
  }
  TUTTI_ASSIGN(const Json* tensors, json_array(object, "tensors", path));
  for (const Json& value : *tensors) {
    TUTTI_ASSIGN(LogicalTensor tensor, parse_logical_tensor(value, path));
    manifest.tensors.push_back(std::move(tensor));
  }
  return manifest;
}

Json box_to_json(const Box& box) {
  Json ranges = Json::array();
  for (size_t d = 0; d < box.size.size(); ++d) ranges.push_back({box.offset[d], box.size[d]});
  return ranges;
}

Json shard_to_json(const Shard& shard) {
  Json boxes = Json::array();
  for (const Box& box : shard.boxes) boxes.push_back(box_to_json(box));
  return {{"file", shard.file},
          {"tensor", shard.tensor},
          {"boxes", std::move(boxes)},
          {"digest", shard.digest.hex()}};
}

// JSON is UTF-8.
Status check_names(const Manifest& manifest) {
  TUTTI_TRY(json_quoted(manifest.write_token));
  TUTTI_TRY(json_quoted(manifest.plan));
  for (const ShardFile& file : manifest.files) TUTTI_TRY(json_quoted(file.name));
  for (const LogicalTensor& tensor : manifest.tensors) {
    TUTTI_TRY(json_quoted(tensor.name));
    for (const Shard& shard : tensor.shards) TUTTI_TRY(json_quoted(shard.tensor));
  }
  return {};
}

// All that follows the digest's digits: one line for each scalar, file and tensor.
std::string content_text(const Manifest& manifest) {
  std::string text = "\",\n";
  const auto line = [&](const char* key, const Json& value) {
    text += fmt::format("\"{}\":{},\n", key, value.dump());
  };
  line("format", kFormatName);
  line("version", kManifestVersion);
  line("write_token", manifest.write_token);
  line("save_index", manifest.save_index);
  line("step", manifest.step);
  line("world_size", manifest.world_size);
  line("plan", manifest.plan);
  line("data_position", manifest.data_position);
  line("trainer", manifest.trainer);
  std::vector<std::string> rows;
  for (const ShardFile& file : manifest.files) {
    rows.push_back(to_json(file).dump());
  }
  text += fmt::format("\"files\":[\n{}\n],\n", fmt::join(rows, ",\n"));
  rows.clear();
  for (const LogicalTensor& tensor : manifest.tensors) {
    rows.push_back(to_json(tensor).dump());
  }
  return text + fmt::format("\"tensors\":[\n{}\n]}}\n", fmt::join(rows, ",\n"));
}

}  // namespace

Json to_json(const ShardFile& file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"header_digest", file.header_digest.hex()}};
}

Json to_json(const LogicalTensor& tensor) {
  Json shards = Json::array();
  for (const Shard& shard : tensor.shards) shards.push_back(shard_to_json(shard));
  return {{"name", tensor.name},
          {"dtype", dtype_name(tensor.dtype)},
          {"sizes", tensor.sizes},
          {"shards", std::move(shards)}};
}

Result<LogicalTensor> parse_logical_tensor(const Json& object, std::string_view what) {
  const std::string where = fmt::format("{}: tensors", what);
  TUTTI_TRY(json_only_keys(object, {"name", "dtype", "sizes", "shards"}, where));
  LogicalTensor tensor;
  TUTTI_ASSIGN(tensor.name, json_string(object, "name", where));
  const std::string named = fmt::format("{}: tensor \"{}\"", what, tensor.name);
  TUTTI_ASSIGN(const std::string dtype, json_string(object, "dtype", named));
  const std::optional<DType> parsed = parse_dtype(dtype);
  if (!parsed) return corrupt("{}: unknown dtype \"{}\"", named, dtype);
  tensor.dtype = *parsed;
  TUTTI_ASSIGN(const Json* sizes, json_array(object, "sizes", named));
  TUTTI_ASSIGN(tensor.sizes, json_sizes(*sizes, named + " sizes"));
  TUTTI_ASSIGN(const Json* shards, json_array(object, "shards", named));
  for (const Json& value : *shards) {
    TUTTI_ASSIGN(Shard shard, parse_shard(value, named));
    tensor.shards.push_back(std::move(shard));
  }
  return tensor;
}

Result<ShardFile> parse_shard_file(const Json& object, std::string_view what) {
  TUTTI_TRY(json_only_keys(object, {"name", "bytes", "header_digest"}, what));
  ShardFile file;
  TUTTI_ASSIGN(file.name, json_string(object, "name", what));
  TUTTI_ASSIGN(const int64_t bytes, json_integer(object, "bytes", what));
  if (bytes < 0) return corrupt("{}: \"{}\" has {} bytes", what, file.name, bytes);
  file.bytes = static_cast<uint64_t>(bytes);
  TUTTI_ASSIGN(file.header_digest, parse_digest_key(object, "header_digest", what));
  return file;
}

Result<std::string> print_manifest(const Manifest& manifest) {
  const Status valid = check_manifest(manifest, kManifestName);
  if (!valid.ok()) return error(ErrorKind::kInvalidArgument, "{}", valid.message());
  TUTTI_TRY(check_names(manifest));
  // What JSON cannot hold (NaN, infinity, other text than UTF-8) would come back as something else.
  TUTTI_ASSIGN(const Json read_back, parse_json(manifest.trainer.dump(), "trainer", 60));
  if (read_back != manifest.trainer) {
    return invalid("trainer state does not survive JSON: {}", manifest.trainer.dump());
  }
  return seal_manifest(content_text(manifest));
}

std::string seal_manifest(std::string_view content) {
  return fmt::format("{}{}{}", kDigestPrefix, digest_of(content).hex(), content);
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view path) {
  if (!text.starts_with(kDigestPrefix) || text.size() < kContentStart) {
    return corrupt("{}: does not begin with {}", path, kDigestPrefix);
  }
  const std::string_view stored = text.substr(kDigestPrefix.size(), kDigestHexChars);
  const std::string computed = digest_of(text.substr(kContentStart)).hex();
  if (stored != computed) {
    return corrupt(
        "{}: the digest of its {} bytes is {}, but it says \"{}\": it was changed or cut", path,
        text.size(), computed, stored);
  }
  TUTTI_ASSIGN(const Json object, parse_json(text, path));
  TUTTI_ASSIGN(Manifest manifest, parse_content(object, path));
  TUTTI_TRY(check_manifest(manifest, path));
  return manifest;
}

}  // namespace tutti
