#include "train/run_start.h"

#include "base/log.h"
#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/hugging_face_files.h"
#include "checkpoint/run_directory.h"
#include "data/dataset_metadata.h"
#include "data/tokenizer.h"
#include "telemetry/step_log.h"

namespace tutti {
namespace {

// By the keys of the data.
Result<std::string> find_data_tokenizer(FileSystem& fs, const Config& config) {
  const bool named = !config.tokenizer.path.empty();
  std::string path = config.tokenizer.path;
  if (!named) {
    const std::vector<MixtureEntry> sets = config.data.sets();
    if (sets.empty()) return std::string();
    path = join_path(parent_path(sets.front().path), kDatasetTokenizerFile);
    if (!exists(fs, path)) return std::string();
  }
  const Result<Tokenizer> tokenizer = Tokenizer::load(fs, path);
  if (!tokenizer.ok()) {
    if (named) return Error{tokenizer.error().kind, "tokenizer.path: " + tokenizer.message()};
    // Tokens that others made may lie beside a tokenizer that is not known here.
    log_warning("the run gets no tokenizer: {}", tokenizer.message());
    return std::string();
  }
  if (tokenizer->vocab_size() > config.model.vocab) {
    return invalid("{}: the tokenizer has {} tokens, but model.vocab is {}", path,
                   tokenizer->vocab_size(), config.model.vocab);
  }
  return path;
}

}  // namespace

Result<std::string> sign_of_run(FileSystem& fs, const std::string& directory) {
  const Result<FileInfo> info = fs.stat(directory);
  if (!info.ok()) {
    if (info.error().kind == ErrorKind::kNotFound) return std::string();
    return info.error();
  }
  if (info->kind != FileKind::kDirectory) return io_error("{} is not a directory", directory);
  for (const char* name : {kRunConfigName, kStepLogName, kManifestName}) {
    if (exists(fs, join_path(directory, name))) return std::string(name);
  }
  TUTTI_ASSIGN(const auto checkpoints, list_checkpoints(fs, directory));
  if (checkpoints.empty()) return std::string();
  return std::string(base_name(checkpoints.front().path));
}

Result<std::optional<Checkpoint>> find_start(FileSystem& fs, const std::string& run_dir,
                                             bool resume) {
  const Result<std::string> found = sign_of_run(fs, run_dir);
  if (!found.ok()) return Error{found.error().kind, "run.dir: " + found.message()};
  const std::string& sign = found.value();
  if (is_hugging_face_directory(fs, run_dir)) {
    return invalid(
        "run.dir = \"{}\" holds a Hugging Face model ({}), which could be taken for the run's; set "
        "another run.dir, or move the model away",
        run_dir, kHuggingFaceConfigName);
  }
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

Status make_durable_directory(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> changed;
  for (std::string path = directory; !exists(fs, path); path = parent_path(path)) {
    changed.push_back(parent_path(path));
  }
  TUTTI_TRY(fs.create_directories(directory));
  for (const std::string& path : changed) TUTTI_TRY(fs.sync_directory(path));
  return {};
}

Result<std::unique_ptr<FileLock>> lock_run(FileSystem& fs, const std::string& run_dir) {
  const Result<FileInfo> info = fs.stat(run_dir);
  if (!info.ok() || info->kind != FileKind::kDirectory) return std::unique_ptr<FileLock>();
  auto lock = lock_directory(fs, run_dir);
  if (lock.ok()) return lock;
  return Error{lock.error().kind, "run.dir: " + lock.message()};
}

Result<std::unique_ptr<FileLock>> begin_run(FileSystem& fs, const std::string& run_dir) {
  TUTTI_TRY(make_durable_directory(fs, run_dir));
  TUTTI_ASSIGN(auto lock, lock_run(fs, run_dir));
  TUTTI_TRY(find_start(fs, run_dir, /*resume=*/false));
  return lock;
}

Result<std::optional<SavedModel>> open_initial_model(FileSystem& fs, const Config& config,
                                                     bool resumed) {
  if (config.init.empty() || resumed) return std::optional<SavedModel>();
  Result<SavedModel> model = open_saved_model(fs, config.init);
  if (!model.ok()) return Error{model.error().kind, "model.init: " + model.message()};
  return std::optional<SavedModel>(std::move(model).value());
}

Result<std::string> find_tokenizer(FileSystem& fs, const Config& config,
                                   const SavedModel* initial) {
  TUTTI_ASSIGN(const std::string of_data, find_data_tokenizer(fs, config));
  if (initial == nullptr) return of_data;
  const std::string of_model = find_tokenizer_file(fs, *initial);
  if (of_data.empty() || of_model.empty()) return of_data.empty() ? of_model : of_data;
  TUTTI_ASSIGN(const std::string data_text, read_file(fs, of_data, Tokenizer::kFileBytesMax));
  TUTTI_ASSIGN(const std::string model_text, read_file(fs, of_model, Tokenizer::kFileBytesMax));
  if (data_text != model_text) {
    log_warning("{}, which the data were made with, differs from the initial model's {}", of_data,
                of_model);
  }
  return of_data;
}

Status write_run_files(FileSystem& fs, const Config& config, const std::string& tokenizer_path,
                       const SavedModel* initial) {
  if (!tokenizer_path.empty()) {
    TUTTI_ASSIGN(const std::string tokenizer,
                 read_file(fs, tokenizer_path, Tokenizer::kFileBytesMax));
    const std::string path = join_path(config.run.dir, tokenizer_name(tokenizer));
    TUTTI_TRY(write_file_atomic(fs, path, tokenizer));
  }
  if (initial != nullptr) {
    TUTTI_TRY(keep_hugging_face_files(fs, initial->hugging_face_files,
                                      join_path(config.run.dir, kHuggingFaceFolder)));
  }
  return write_file_atomic(fs, join_path(config.run.dir, kRunConfigName), format_config(config));
}

}  // namespace tutti
