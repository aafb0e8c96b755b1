#include "checkpoint/reshard.h"

#include "checkpoint/copy_checkpoint.h"
#include "checkpoint/run_directory.h"

namespace tutti {
namespace {

Status check_free(FileSystem& fs, const std::string& to) {
  if (!exists(fs, to)) return {};
  TUTTI_ASSIGN(const bool is_checkpoint, has_manifest(fs, to));
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, to));
  if (!is_checkpoint && entries.empty()) return {};
  return invalid("{} {}; name another directory", to,
                 is_checkpoint ? "is a checkpoint" : "holds checkpoints already");
}

}  // namespace

Result<Checkpoint> reshard_checkpoint(FileSystem& fs, const std::string& from,
                                      const std::string& to, int files) {
  TUTTI_ASSIGN(Checkpoint source, load_checkpoint(fs, from));
  TUTTI_TRY(check_free(fs, to));
  TUTTI_TRY(create_run_directory(fs, to));
  TUTTI_ASSIGN(const auto lock, lock_directory(fs, to));
  const Manifest& manifest = source.manifest();
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : manifest.tensors) names.push_back(tensor.name);
  const SnapshotState state{.step = manifest.step,
                            .world_size = manifest.world_size,
                            .plan = manifest.plan,
                            .data_position = manifest.data_position,
                            .trainer = manifest.trainer};
  TUTTI_ASSIGN(const std::string directory, copy_checkpoint(fs, to, state, source, names, files));
  return load_checkpoint(fs, directory);
}

}  // namespace tutti
