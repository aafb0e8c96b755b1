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
  const std::string path = join_path(from, kRunTokenizerName);
  if (!exists(fs, path)) {
    log_warning("{} is not there: the model is imported without a tokenizer", path);
    return false;
  }
  TUTTI_TRY(check_hugging_face_file(fs, path));
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kHuggingFaceFileBytesMax));
  TUTTI_TRY(write_file_atomic(fs, join_path(to, kRunTokenizerName), text));
  const Result<Tokenizer> tokenizer = Tokenizer::load(fs, path);
  if (!tokenizer.ok()) {
    log_warning("the tokenizer is kept, but cannot be used here: {}", tokenizer.message());
  } else if (tokenizer.value().vocab_size() > model.vocab) {
    log_warning("{} has {} tokens, more than the model's {}", path, tokenizer.value().vocab_size(),
                model.vocab);
  }
  return true;
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

}  // namespace

Result<ImportedModel> import_model(FileSystem& fs, const std::string& from, const std::string& to) {
  TUTTI_ASSIGN(HuggingFaceDirectory directory, HuggingFaceDirectory::open(fs, from));
  const ModelConfig& model = directory.model();
  const Config config = tuning_config(model, to);
  if (const Status status = check_config(config); !status.ok()) {
    return invalid("{}: {}", join_path(from, kHuggingFaceConfigName), status.message());
  }
  TUTTI_ASSIGN(const auto lock, begin_run(fs, to));

  ImportedModel result{.model = model, .stored_dtype = directory.stored_dtype()};
  result.files = directory.files();
  result.parameters = parameter_count(model);
  TUTTI_ASSIGN(result.model_type, hugging_face_model_type(model));
  std::vector<std::string> names;
  for (const HuggingFacePart& part : directory.layout().parts) names.push_back(part.parameter);
  SnapshotState state;
  state.trainer = trainer_to_json(
      TrainerState(), {.config = format_config(config), .data_fingerprint = "", .arithmetic = ""});
  TUTTI_ASSIGN(result.checkpoint, copy_checkpoint(fs, to, state, directory, names));
  TUTTI_ASSIGN(result.tokenizer, import_tokenizer(fs, from, to, model));
  TUTTI_ASSIGN(result.kept, keep_hugging_face_files(fs, from, join_path(to, kHuggingFaceFolder)));
  result.config = join_path(to, kRunConfigName);
  TUTTI_TRY(write_file_atomic(fs, result.config, config_text(config)));
  return result;
}

}  // namespace tutti
