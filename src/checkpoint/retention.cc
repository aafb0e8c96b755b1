#include "checkpoint/retention.h"

#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/run_directory.h"

namespace tutti {

namespace {

Status verify_newest(FileSystem& fs, const std::string& run_dir,
                     const std::vector<CheckpointEntry>& entries) {
  // Broken ones are listed last.
  if (entries.empty() || !entries.front().fault.ok()) {
    return not_found("{}: no checkpoint to keep, so none is deleted", run_dir);
  }
  TUTTI_ASSIGN(Checkpoint newest, Checkpoint::open(fs, entries.front().path));
  const std::vector<std::string> faults = newest.verify();
  if (faults.empty()) return {};
  return corrupt("the newest checkpoint is damaged, so no older one is deleted: {}",
                 faults.front());
}

// The manifest goes first: a deletion that is cut short leaves what an unfinished save would, and
// not a checkpoint with tensors missing.
Status delete_checkpoint(FileSystem& fs, const CheckpointEntry& entry) {
  if (entry.committed) {
    TUTTI_TRY(fs.remove(join_path(entry.path, kManifestName)));
    TUTTI_TRY(fs.sync_directory(entry.path));
  }
  return remove_tree(fs, entry.path);
}

}  // namespace

Result<std::vector<std::string>> keep_last(FileSystem& fs, const std::string& run_dir, int count) {
  TUTTI_CHECK(count >= 1, "count = {}", count);
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, run_dir));
  TUTTI_TRY(verify_newest(fs, run_dir, entries));
  std::vector<std::string> deleted;
  int kept = 0;
  for (const CheckpointEntry& entry : entries) {
    if (entry.committed && !entry.fault.ok()) {
      log_warning("left alone: {}", entry.fault.message());
      continue;
    }
    if (entry.committed && kept < count) {
      ++kept;
      continue;
    }
    TUTTI_TRY(delete_checkpoint(fs, entry));
    deleted.push_back(entry.path);
  }
  if (!deleted.empty()) TUTTI_TRY(fs.sync_directory(run_dir));
  return deleted;
}

}  // namespace tutti
