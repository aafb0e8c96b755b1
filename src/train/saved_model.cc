#include "train/saved_model.h"

#include <algorithm>

#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/hugging_face_files.h"
#include "checkpoint/run_directory.h"
#include "data/tokenizer.h"
#include "train/config_check.h"
#include "train/trainer_state.h"

namespace tutti {
namespace {

constexpr int64_t kSampleTokensMax = 1024;

// The config is the text that the run's trainer left in the checkpoint.
Result<Config> config_of(const Checkpoint& checkpoint) {
  const auto& trainer = checkpoint.manifest().trainer;
  const Json* text = trainer.find("config");
  const std::string path = join_path(checkpoint.directory(), kManifestName);
  if (text == nullptr || !text->is_string()) {
    return corrupt("{}: the trainer state holds no text called config", path);
  }
  return parse_config(text->text(), path + ": config", {});
}

// Of the Hugging Face directory `path`, whose model is `model`.
Result<Config> config_of(const std::string& path, const ModelConfig& model) {
  const Config config = default_config(model);
  const Status status = check_config(config);
  if (status.ok()) return config;
  return invalid("{}: {}", join_path(path, kHuggingFaceConfigName), status.message());
}

Result<SavedModel> open_hugging_face(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(HuggingFaceDirectory directory, HuggingFaceDirectory::open(fs, path));
  SavedModel saved;
  TUTTI_ASSIGN(saved.config, config_of(path, directory.model()));
  saved.tensors = std::make_unique<HuggingFaceDirectory>(std::move(directory));
  saved.tokenizer_paths = {join_path(path, kTokenizerJsonName),
                           join_path(path, kTokenizerModelName)};
  saved.hugging_face_files = path;
  return saved;
}

// Which of two models is meant nothing says.
Status refuse_checkpoints(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, path));
  for (const CheckpointEntry& entry : entries) {
    if (!entry.committed) continue;
    return invalid(
        "{} holds a Hugging Face model ({}) and a run's checkpoints; give {}, or move one of the "
        "two "
        "away",
        path, kHuggingFaceConfigName, entry.path);
  }
  return {};
}

Result<SavedModel> open_checkpoint(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(Checkpoint checkpoint, load_checkpoint(fs, path));
  SavedModel saved;
  TUTTI_ASSIGN(saved.config, config_of(checkpoint));
  const std::string run = parent_path(checkpoint.directory());
  saved.step = checkpoint.manifest().step;
  saved.chat = is_chat_run(checkpoint.manifest());
  saved.hugging_face_files = join_path(run, kHuggingFaceFolder);
  saved.tokenizer_paths = {join_path(checkpoint.directory(), kTokenizerJsonName),
                           join_path(run, kTokenizerJsonName), join_path(run, kTokenizerModelName)};
  if (!saved.config.tokenizer.path.empty()) {
    saved.tokenizer_paths.push_back(saved.config.tokenizer.path);
  }
  saved.tokenizer_paths.push_back(join_path(saved.hugging_face_files, kTokenizerModelName));
  saved.tensors = std::make_unique<Checkpoint>(std::move(checkpoint));
  return saved;
}

}  // namespace

Config default_config(const ModelConfig& model) {
  Config config;
  config.model = model;
  config.train.seq_len = std::min(kSampleTokensMax, model.context);
  fill_derived(config);
  return config;
}

Result<SavedModel> open_saved_model(FileSystem& fs, const std::string& path) {
  if (!is_hugging_face_directory(fs, path)) return open_checkpoint(fs, path);
  TUTTI_TRY(refuse_checkpoints(fs, path));
  return open_hugging_face(fs, path);
}

Result<Config> read_saved_config(FileSystem& fs, const std::string& path) {
  if (!is_hugging_face_directory(fs, path)) {
    TUTTI_ASSIGN(const Checkpoint checkpoint, load_checkpoint(fs, path, Trust::kStructure));
    return config_of(checkpoint);
  }
  TUTTI_TRY(refuse_checkpoints(fs, path));
  TUTTI_ASSIGN(const ModelConfig model, read_hugging_face_model(fs, path));
  return config_of(path, model);
}

const char* tokenizer_name(std::string_view content) {
  return Tokenizer::is_json(content) ? kTokenizerJsonName : kTokenizerModelName;
}

std::string find_tokenizer_file(FileSystem& fs, const SavedModel& model) {
  for (const std::string& path : model.tokenizer_paths) {
    if (exists(fs, path)) return path;
  }
  return "";
}

}  // namespace tutti
