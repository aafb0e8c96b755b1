// The manifest of a checkpoint: which logical tensors it holds, where each piece of them lies, and
// all that a run needs besides tensors (docs/formats/checkpoint.md).
//
// A manifest that parsed is consistent: its own digest matches, the boxes of each tensor tile it
// exactly, and every file named is a plain name. Whether the files agree with it is checkpoint.h's
// question. Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/status.h"
#include "checkpoint/box.h"

namespace tutti {

inline constexpr int64_t kManifestVersion = 1;
inline constexpr const char* kManifestName = "manifest.json";
inline constexpr uint64_t kManifestBytesMax = 256ull << 20;

// One piece of a tensor: a tensor of a safetensors file that holds the elements of `boxes`, each
// row-major, one box after the other.
struct Shard {
  std::string file;    // in the checkpoint's directory
  std::string tensor;  // its name in the file
  std::vector<Box> boxes = {};
  Digest digest = {};  // of its bytes
};

struct LogicalTensor {
  std::string name;
  DType dtype = DType::kF32;
  Sizes sizes;  // global; each at least 1
  std::vector<Shard> shards;
};

struct ShardFile {
  std::string name;
  uint64_t bytes = 0;
  Digest header_digest;  // of all that precedes the tensors' data
};

struct Manifest {
  std::string write_token;  // of the save that wrote it: 1 to 64 of [0-9a-z]
  int64_t save_index = 1;   // counts the saves into one run directory: the largest is the newest
  int64_t step = 0;
  int64_t world_size = 1;
  std::string plan = {};      // the plan's text; may be empty
  int64_t data_position = 0;  // samples consumed
  Json trainer = Json::object();
  std::vector<ShardFile> files = {};
  std::vector<LogicalTensor> tensors = {};
};

// The elements of all of a shard's boxes. Requires a shard of a valid manifest.
int64_t shard_elements(const Shard& shard);
// The sizes that a shard's tensor has in its file: the box's when it is one, else one dim.
Sizes shard_sizes(const Shard& shard);
// Bytes of the whole tensor.
int64_t tensor_bytes(const LogicalTensor& tensor);

// The first rule of the format that `manifest` breaks, named with `path`.
Status check_manifest(const Manifest& manifest, std::string_view path);

// The manifest's file. The same manifest gives the same bytes. kInvalidArgument when it would not
// parse back: what check_manifest refuses, text that is not UTF-8, a trainer that is no object.
Result<std::string> print_manifest(const Manifest& manifest);

// kCorrupt names `path`, the tensor and what is wrong.
Result<Manifest> parse_manifest(std::string_view text, std::string_view path);

// Puts the opening brace and the digest before `content`, all that follows the digest's digits in a
// manifest's file: parse_manifest(seal_manifest(c)) gets past the digest, whatever c is.
std::string seal_manifest(std::string_view content);

// 1 to 64 characters of [0-9a-z].
bool is_write_token(std::string_view text);

}  // namespace tutti
