// Reading checkpoints. Any plan reads any plan's checkpoint: a reader asks for a box of a tensor
// and gets it from whichever shards hold it, reading little more than these bytes.
//
//   TUTTI_ASSIGN(Checkpoint checkpoint, load_checkpoint(fs, run_dir));
//   TUTTI_TRY(checkpoint.read("layers.0.mlp.up.weight", out));
#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/manifest.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_source.h"

namespace tutti {

// An open checkpoint. Movable; not thread-safe (files are read through one handle each).
// Invariant: every file and shard that the manifest names is there with the size, dtype and shape
// that it says. Whether their bytes are what was written is `verify`'s question.
class Checkpoint : public TensorSource {
 public:
  // kNotFound: no manifest. kCorrupt: a manifest or file that is not what it should be.
  static Result<Checkpoint> open(FileSystem& fs, const std::string& directory);

  const std::string& directory() const override { return directory_; }
  const Manifest& manifest() const { return manifest_; }
  // nullptr when there is none of this name.
  const LogicalTensor* find(const std::string& name) const;
  std::optional<TensorType> type_of(const std::string& name) const override;

  Status read(const std::string& name, std::span<char> out) override;
  // The same for a box of it; kInvalidArgument when the box does not lie in the tensor.
  Status read_box(const std::string& name, const Box& box, std::span<char> out);
  Status read_boxes(const std::string& name, std::span<const Box> boxes,
                    std::span<char> out) override;

  // Reads every byte and compares digests: one line for each fault, none when all is well.
  std::vector<std::string> verify();

 private:
  Checkpoint() = default;
  Status open_file(FileSystem& fs, const ShardFile& file);
  Status check_shard(const LogicalTensor& tensor, const Shard& shard) const;
  Status verify_shard(const LogicalTensor& tensor, const Shard& shard, std::span<char> buffer);

  std::string directory_;
  Manifest manifest_;
  std::unordered_map<std::string, size_t> by_name_;
  std::map<std::string, SafetensorsReader> files_;
};

// How much of a checkpoint is read before it is believed.
enum class Trust {
  kContent,    // every byte, against its digest
  kStructure,  // manifest, sizes and headers: for a reader that verifies otherwise
};

// The checkpoint at `path`: that directory, or the newest valid one of a run directory. A broken or
// unfinished one is passed over with a warning that says why; kNotFound when none is left.
Result<Checkpoint> load_checkpoint(FileSystem& fs, const std::string& path,
                                   Trust trust = Trust::kContent);

}  // namespace tutti
