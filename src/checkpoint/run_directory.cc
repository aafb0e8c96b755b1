#include "checkpoint/run_directory.h"

#include <algorithm>
#include <tuple>

namespace tutti {

namespace {

constexpr std::string_view kCandidatePrefix = "step-";

Result<CheckpointEntry> describe(FileSystem& fs, const std::string& path) {
  CheckpointEntry entry{.path = path};
  TUTTI_ASSIGN(entry.committed, has_manifest(fs, path));
  if (!entry.committed) {
    entry.fault = not_found("{}: no {}: the save was not finished", path, kManifestName);
    return entry;
  }
  const Result<Manifest> manifest = read_manifest(fs, path);
  if (!manifest.ok()) {
    entry.fault = manifest.status();
    return entry;
  }
  entry.save_index = manifest.value().save_index;
  entry.step = manifest.value().step;
  return entry;
}

}  // namespace

Result<bool> has_manifest(FileSystem& fs, const std::string& directory) {
  const Result<FileInfo> info = fs.stat(join_path(directory, kManifestName));
  if (info.ok()) return true;
  if (info.error().kind == ErrorKind::kNotFound) return false;
  return info.error();
}

Result<Manifest> read_manifest(FileSystem& fs, const std::string& directory) {
  const std::string path = join_path(directory, kManifestName);
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kManifestBytesMax));
  return parse_manifest(text, path);
}

Result<std::vector<CheckpointEntry>> list_checkpoints(FileSystem& fs, const std::string& run_dir) {
  TUTTI_ASSIGN(const std::vector<DirectoryEntry> names, fs.list(run_dir));
  std::vector<CheckpointEntry> entries;
  for (const DirectoryEntry& name : names) {
    if (name.kind != FileKind::kDirectory || !name.name.starts_with(kCandidatePrefix)) continue;
    TUTTI_ASSIGN(CheckpointEntry entry, describe(fs, join_path(run_dir, name.name)));
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const CheckpointEntry& a, const CheckpointEntry& b) {
                     return std::tie(a.save_index, a.step) > std::tie(b.save_index, b.step);
                   });
  return entries;
}

Status create_run_directory(FileSystem& fs, const std::string& run_dir) {
  std::vector<std::string> parents;
  for (std::string path = run_dir; !exists(fs, path); path = parents.back()) {
    parents.push_back(parent_path(path));
    if (parents.back() == path) break;
  }
  TUTTI_TRY(fs.create_directories(run_dir));
  for (const std::string& parent : parents) TUTTI_TRY(fs.sync_directory(parent));
  return {};
}

}  // namespace tutti
