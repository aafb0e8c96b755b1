#include "train/run_start.h"

#include "base/log.h"
#include "checkpoint/run_directory.h"
#include "data/dataset_metadata.h"

namespace tutti {
namespace {

constexpr uint64_t kTokenizerBytesMax = uint64_t{256} << 20;

// The first sign that a run is, or was, in the directory; "" when there is none.
Result<std::string> sign_of_run(FileSystem& fs, const std::string& run_dir) {
  const Result<FileInfo> info = fs.stat(run_dir);
  if (!info.ok()) {
    if (info.error().kind == ErrorKind::kNotFound) return std::string();
    return info.error();
  }
  if (info->kind != FileKind::kDirectory) {
    return io_error("run.dir = \"{}\" is not a directory", run_dir);
  }
  for (const char* name : {kRunConfigName, "log.jsonl"}) {
    if (exists(fs, join_path(run_dir, name))) return std::string(name);
  }
  TUTTI_ASSIGN(const auto checkpoints, list_checkpoints(fs, run_dir));
  if (checkpoints.empty()) return std::string();
  return std::string(base_name(checkpoints.front().path));
}

// Makes the directory and those around it so that a loss of power leaves them: the checkpoints that
// will lie in them are synced, and must not be lost with a name above them.
Status make_durable_directory(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> changed;
  for (std::string path = directory; !exists(fs, path); path = parent_path(path)) {
    changed.push_back(parent_path(path));
  }
  TUTTI_TRY(fs.create_directories(directory));
  for (const std::string& path : changed) TUTTI_TRY(fs.sync_directory(path));
  return {};
}

}  // namespace

Result<std::optional<Checkpoint>> find_start(FileSystem& fs, const std::string& run_dir,
                                             bool resume) {
  TUTTI_ASSIGN(const std::string sign, sign_of_run(fs, run_dir));
  if (!resume) {
    if (sign.empty()) return std::optional<Checkpoint>();
    return invalid(
        "run.dir = \"{}\" holds a run already ({}); go on with it by --resume, or set another "
        "run.dir",
        run_dir, sign);
  }
  if (sign.empty()) {
    return not_found("run.dir = \"{}\" holds no run to resume; leave out --resume to start one",
                     run_dir);
  }
  TUTTI_ASSIGN(const auto entries, list_checkpoints(fs, run_dir));
  bool any = false;
  for (const CheckpointEntry& entry : entries) any |= entry.committed;
  if (!any) {
    log_info("{} has no checkpoint: the run starts again", run_dir);
    return std::optional<Checkpoint>();
  }
  TUTTI_ASSIGN(Checkpoint checkpoint, load_checkpoint(fs, run_dir));
  return std::optional<Checkpoint>(std::move(checkpoint));
}

Result<std::string> find_tokenizer(FileSystem& fs, const Config& config) {
  if (!config.tokenizer.path.empty()) {
    const Result<FileInfo> info = fs.stat(config.tokenizer.path);
    if (!info.ok()) return Error{info.error().kind, "tokenizer.path: " + info.message()};
    return config.tokenizer.path;
  }
  const std::string beside = join_path(parent_path(config.data.train), kDatasetTokenizerFile);
  return exists(fs, beside) ? beside : std::string();
}

Status write_run_files(FileSystem& fs, const Config& config, const std::string& tokenizer_path) {
  TUTTI_TRY(make_durable_directory(fs, config.run.dir));
  if (!tokenizer_path.empty()) {
    TUTTI_ASSIGN(const std::string tokenizer, read_file(fs, tokenizer_path, kTokenizerBytesMax));
    TUTTI_TRY(write_file_atomic(fs, join_path(config.run.dir, kRunTokenizerName), tokenizer));
  }
  return write_file_atomic(fs, join_path(config.run.dir, kRunConfigName), format_config(config));
}

}  // namespace tutti
