#include "train/export_model.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/log.h"
#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/hugging_face_files.h"
#include "data/tokenizer.h"
#include "models/hugging_face_config.h"
#include "models/hugging_face_tokens.h"
#include "train/run_start.h"
#include "train/saved_model.h"
#include "train/text_bounds.h"

namespace tutti {
namespace {

constexpr uint64_t kSpareBytes = 1 << 20;  // for headers and what the file system keeps
constexpr const char* kTokenizerConfigName = "tokenizer_config.json";

using Texts = std::map<std::string, std::string>;  // files that are small, by name

// What transformers needs to build a tokenizer from a tokenizer.json that came alone.
std::string tokenizer_config(const std::optional<AddedToken>& end, int64_t context) {
  Json config = {{"clean_up_tokenization_spaces", false},
                 {"model_max_length", context},
                 {"tokenizer_class", "PreTrainedTokenizerFast"}};
  if (end) config["bos_token"] = config["eos_token"] = end->content;
  return config.dump(2) + "\n";
}

// The tokenizer's file as it is, under the name that its content asks for, and what it says.
Result<std::optional<Tokenizer>> add_tokenizer(FileSystem& fs, const SavedModel& saved,
                                               Texts& texts) {
  const std::string path = find_tokenizer_file(fs, saved);
  if (path.empty()) {
    log_warning("{} has no tokenizer: the model is exported without one",
                saved.tensors->directory());
    return std::optional<Tokenizer>();
  }
  TUTTI_ASSIGN(std::string content, read_file(fs, path, Tokenizer::kFileBytesMax));
  Result<Tokenizer> tokenizer = Tokenizer::parse(content, path);
  texts[tokenizer_name(content)] = std::move(content);
  if (tokenizer.ok()) return std::optional<Tokenizer>(std::move(tokenizer).value());
  log_warning("the tokenizer is copied, but cannot be read here: {}", tokenizer.message());
  return std::optional<Tokenizer>();
}

// Tokens that end a text and that the files which the model came with need not name.
std::vector<int32_t> end_tokens_of(const SavedModel& saved, const Tokenizer& tokenizer,
                                   bool has_original) {
  std::vector<int32_t> ends;
  const auto end = tokenizer.end_of_text();
  if (end && !has_original) ends.push_back(end->id);
  const auto turn_end = learned_turn_end(saved, tokenizer);
  if (turn_end && (ends.empty() || *turn_end != ends.front())) ends.push_back(*turn_end);
  return ends;
}

// generation_config.json, in which what ends a text here must not be missing: transformers asks no
// other file.
Status add_generation_config(const HuggingFaceConfigOptions& options, Texts& texts) {
  if (!texts.contains(kHuggingFaceGenerationName)) {
    TUTTI_ASSIGN(texts[kHuggingFaceGenerationName], format_generation_config(options));
    return {};
  }
  if (options.end_tokens.empty()) return {};
  TUTTI_ASSIGN(const std::vector<int32_t> ends,
               hugging_face_end_tokens(texts[kHuggingFaceConfigName], kHuggingFaceConfigName));
  TUTTI_ASSIGN(texts[kHuggingFaceGenerationName],
               with_hugging_face_end_tokens(texts[kHuggingFaceGenerationName], ends,
                                            kHuggingFaceGenerationName));
  return {};
}

Result<Texts> small_files(FileSystem& fs, const SavedModel& saved, DType dtype) {
  Texts texts;
  for (const std::string& name : kept_hugging_face_files(fs, saved.hugging_face_files)) {
    const std::string path = join_path(saved.hugging_face_files, name);
    TUTTI_ASSIGN(texts[name], read_hugging_face_file(fs, path, kHuggingFaceFileBytesMax));
  }
  TUTTI_ASSIGN(const std::optional<Tokenizer> tokenizer, add_tokenizer(fs, saved, texts));
  HuggingFaceConfigOptions options{.dtype = dtype, .original = texts[kHuggingFaceConfigName]};
  if (tokenizer) {
    options.end_tokens = end_tokens_of(saved, *tokenizer, !options.original.empty());
  }
  const ModelConfig& model = saved.config.model;
  TUTTI_ASSIGN(texts[kHuggingFaceConfigName], format_hugging_face_config(model, options));
  TUTTI_TRY(add_generation_config(options, texts));
  if (!texts.contains(kTokenizerConfigName) && texts.contains(kTokenizerJsonName)) {
    const auto end = tokenizer ? tokenizer->end_of_text() : std::nullopt;
    texts[kTokenizerConfigName] = tokenizer_config(end, model.context);
  }
  return texts;
}

// The run's weights and these could then be taken for each other.
Status refuse_run(FileSystem& fs, const std::string& directory) {
  TUTTI_ASSIGN(const std::string sign, sign_of_run(fs, directory));
  if (sign.empty()) return {};
  return invalid("{} holds a run ({}); export into another directory", directory, sign);
}

Status refuse_existing(FileSystem& fs, const ExportOptions& options, const Texts& texts,
                       const std::vector<std::string>& weights) {
  std::vector<std::string> names = weights;
  for (const auto& [name, text] : texts) names.push_back(name);
  for (const std::string& name : names) {
    const std::string path = join_path(options.to, name);
    if (exists(fs, path)) return invalid("{} is there already; --force replaces it", path);
  }
  return {};
}

Status check_room(FileSystem& fs, const std::string& directory, uint64_t weight_bytes,
                  const Texts& texts) {
  uint64_t needed = weight_bytes + kSpareBytes;
  for (const auto& [name, text] : texts) needed += text.size();
  TUTTI_ASSIGN(const uint64_t room, fs.free_bytes(directory));
  if (room >= needed) return {};
  return error(ErrorKind::kResource, "{}: the model needs {} bytes, the disk has {} free",
               directory, needed, room);
}

// Weights of an earlier export under other names: left there, they could be loaded for these.
std::vector<std::string> obsolete_weights(const std::vector<std::string>& present,
                                          const std::vector<std::string>& written) {
  std::vector<std::string> obsolete;
  for (const std::string& name : present) {
    if (std::find(written.begin(), written.end(), name) == written.end()) obsolete.push_back(name);
  }
  return obsolete;
}

}  // namespace

Result<ExportedModel> export_model(FileSystem& fs, const ExportOptions& options) {
  TUTTI_TRY(refuse_run(fs, options.to));
  TUTTI_ASSIGN(const SavedModel saved, open_saved_model(fs, options.from));
  const ModelConfig& model = saved.config.model;
  ExportedModel result{.source = saved.tensors->directory(), .step = saved.step};
  TUTTI_ASSIGN(result.model_type, hugging_face_model_type(model));
  TUTTI_ASSIGN(const Texts texts, small_files(fs, saved, options.weights.dtype));
  const HuggingFaceWeightPlan plan = plan_hugging_face_weights(model, options.weights);

  TUTTI_ASSIGN(StagedFiles files, StagedFiles::begin(fs, options.to));
  TUTTI_ASSIGN(const std::vector<std::string> present, hugging_face_weight_files(fs, options.to));
  if (!options.force) TUTTI_TRY(refuse_existing(fs, options, texts, present));
  TUTTI_TRY(files.remove_abandoned([&texts](const std::string& name) {
    return is_hugging_face_weight_name(name) || texts.contains(name);
  }));
  TUTTI_TRY(check_room(fs, options.to, plan.total_bytes, texts));
  TUTTI_TRY(write_hugging_face_weights(fs, files, model, *saved.tensors, options.weights));
  for (const auto& [name, text] : texts) TUTTI_TRY(files.write(name, text));
  TUTTI_TRY(files.commit(obsolete_weights(present, plan.files)));

  if (model.dropout > 0 && result.model_type != "gpt2") {
    log_warning("model.dropout = {} is not in the export: {} has no key for it", model.dropout,
                result.model_type);
  }
  result.parameters = plan.total_parameters;
  result.bytes = plan.total_bytes;
  result.files = plan.files;
  for (const auto& [name, text] : texts) result.files.push_back(name);
  std::sort(result.files.begin(), result.files.end());
  return result;
}

}  // namespace tutti
