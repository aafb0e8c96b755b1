// What lies in a run's directory: its checkpoints, found by content. A name only makes a directory
// a candidate ("step-..."); its manifest says what it is. Functions of the file system alone.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/manifest.h"

namespace tutti {

// Names the newest checkpoint for people and scripts; nothing here reads it.
inline constexpr const char* kLatestName = "latest";

struct CheckpointEntry {
  std::string path;
  bool committed =
      false;  // it has a manifest; without one it was never finished, or is half deleted
  int64_t save_index = 0;  // 0 when the manifest is missing or broken
  int64_t step = 0;
  Status fault = {};  // why the manifest cannot be believed
};

// Makes a run's directory when it is not there, so that it survives a loss of power: its name in
// its parent too, and that of each parent made with it.
Status create_run_directory(FileSystem& fs, const std::string& run_dir);

// Whether `directory` has a manifest; an error when that cannot be told.
Result<bool> has_manifest(FileSystem& fs, const std::string& directory);

// kNotFound: no manifest. kCorrupt: a broken one.
Result<Manifest> read_manifest(FileSystem& fs, const std::string& directory);

// Every candidate in `run_dir`, newest first (by save_index, then step), broken ones last.
Result<std::vector<CheckpointEntry>> list_checkpoints(FileSystem& fs, const std::string& run_dir);

}  // namespace tutti
