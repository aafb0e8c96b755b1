#include "train/import_model.h"

#include "base/log.h"
#include "checkpoint/copy_checkpoint.h"
#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/hugging_face_files.h"
#include "data/tokenizer.h"
#include "models/hugging_face_config.h"
#include "models/presets.h"
#include "train/config_check.h"
#include "train/config_keys.h"
#include "train/run_start.h"
#include "train/trainer_state.h"

namespace tutti {
namespace {

// A usual rate for fine-tuning; that of training from nothing would undo what was learnt.
constexpr double kTuningRate = 2e-5;

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Config tuning_config(const ModelConfig& model, const std::string& to) {
  Config config = default_config(model);
  config.init = to;
  config.optim.lr = kTuningRate;
  config.run.dir = without_slash(to) + "-tuned";
  config.run.name = base_name(config.run.dir);
  return config;
}

// A tokenizer that cannot be read here can still be kept and exported.
Result<bool> import_tokenizer(FileSystem& fs, const std::string& from, const std::string& to,
                              const ModelConfig& model) {
  const std::string path = join_path(from, kTokenizerJsonName);
  if (!exists(fs, path)) {
    log_warning("{} is not there: the model is imported without a tokenizer", path);
    return false;
  }
  TUTTI_ASSIGN(const std::string text, read_hugging_face_file(fs, path, kHuggingFaceFileBytesMax));
  TUTTI_TRY(write_file_atomic(fs, join_path(to, kTokenizerJsonName), text));
  const Result<Tokenizer> tokenizer = Tokenizer::parse(text, path);
  if (!tokenizer.ok()) {
    log_warning("the tokenizer is kept, but cannot be used here: {}", tokenizer.message());
  } else if (tokenizer.value().vocab_size() > model.vocab) {
    log_warning("{} has {} tokens, more than the model's {}", path, tokenizer.value().vocab_size(),
                model.vocab);
  }
  return true;
}

// Removes signs of a run whose names begin with `prefix`. The one that is left then; "" when none
// is.
Result<std::string> remove_signs(FileSystem& fs, const std::string& directory,
                                 const std::string& prefix) {
  while (true) {
    TUTTI_ASSIGN(std::string sign, sign_of_run(fs, directory));
    if (!sign.starts_with(prefix)) return sign;
    TUTTI_TRY(remove_tree(fs, join_path(directory, sign)));
  }
}

// Holds the directory `to`. An import that was killed left files there that this one makes again,
// and perhaps a checkpoint that was not finished.
Result<std::unique_ptr<FileLock>> begin_import(FileSystem& fs, const std::string& to) {
  TUTTI_TRY(make_durable_directory(fs, to));
  TUTTI_ASSIGN(auto lock, lock_directory(fs, to));
  TUTTI_ASSIGN(const std::string sign, remove_signs(fs, to, checkpoint_name(0) + ".tmp-"));
  if (!sign.empty()) {
    return invalid("{} holds a run already ({}); import into another directory", to, sign);
  }
  if (is_hugging_face_directory(fs, to)) {
    return invalid("{} holds a Hugging Face model ({}); import into another directory", to,
                   kHuggingFaceConfigName);
  }
  return lock;
}

// After a failure: nothing stays by which the directory would be taken for a run's.
void abandon_import(FileSystem& fs, const std::string& to) {
  for (const std::string& prefix : {std::string(kRunConfigName), checkpoint_name(0)}) {
    const Result<std::string> left = remove_signs(fs, to, prefix);
    if (!left.ok()) log_warning("a failed import left {}: {}", prefix, left.message());
  }
}

// Only what is not a default: what follows from other keys must follow from those of the user.
std::string config_text(const Config& config) {
  std::string text =
      "# Fine-tunes an imported model: set data.train here or on the command line. The model\n"
      "# section comes from model.init.\n";
  for (const char* name : {"model.init", "train.seq_len", "optim.lr", "run.dir"}) {
    const ConfigKey& key = *find_config_key(name);
    text +=
        fmt::format("\n[{}]\n{} = {}\n", key.section(), key.short_name(), key_value(key, config));
  }
  return text;
}

// The checkpoint and config.toml, by which a directory is known as a run's, come last.
Status write_import(FileSystem& fs, const std::string& from, const std::string& to,
                    const Config& config, HuggingFaceDirectory& directory, ImportedModel& result) {
  TUTTI_ASSIGN(result.tokenizer, import_tokenizer(fs, from, to, config.model));
  TUTTI_ASSIGN(result.kept, keep_hugging_face_files(fs, from, join_path(to, kHuggingFaceFolder)));
  std::vector<std::string> names;
  for (const HuggingFacePart& part : directory.layout().parts) names.push_back(part.parameter);
  SnapshotState state;
  state.trainer = trainer_to_json(
      TrainerState(), {.config = format_config(config), .data_fingerprint = "", .arithmetic = ""});
  TUTTI_ASSIGN(result.checkpoint, copy_checkpoint(fs, to, state, directory, names));
  result.config = join_path(to, kRunConfigName);
  return write_file_atomic(fs, result.config, config_text(config));
}

}  // namespace

Result<ImportedModel> import_model(FileSystem& fs, const std::string& from, const std::string& to) {
  TUTTI_ASSIGN(HuggingFaceDirectory directory, HuggingFaceDirectory::open(fs, from));
  const ModelConfig& model = directory.model();
  const Config config = tuning_config(model, to);
  if (const Status status = check_config(config); !status.ok()) {
    return invalid("{}: {}", join_path(from, kHuggingFaceConfigName), status.message());
  }
  TUTTI_ASSIGN(const auto lock, begin_import(fs, to));

  ImportedModel result{.model = model, .stored_dtype = directory.stored_dtype()};
  result.files = directory.files();
  result.parameters = parameter_count(model);
  TUTTI_ASSIGN(result.model_type, hugging_face_model_type(model));
  if (const Status status = write_import(fs, from, to, config, directory, result); !status.ok()) {
    abandon_import(fs, to);
    return status.error();
  }
  return result;
}

}  // namespace tutti
