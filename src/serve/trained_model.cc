#include "serve/trained_model.h"

namespace tutti {
namespace {

constexpr const char* kTokenizerFile = "tokenizer.json";

Result<Config> config_of(const Checkpoint& checkpoint) {
  const auto& trainer = checkpoint.manifest().trainer;
  const auto text = trainer.find("config");
  const std::string path = join_path(checkpoint.directory(), kManifestName);
  if (text == trainer.end() || !text->is_string()) {
    return corrupt("{}: the trainer state holds no text called config", path);
  }
  return parse_config(text->get_ref<const std::string&>(), path + ": config", {});
}

Result<Tokenizer> tokenizer_of(FileSystem& fs, const Checkpoint& checkpoint, const Config& config) {
  const std::string beside = join_path(checkpoint.directory(), kTokenizerFile);
  const std::string above = join_path(parent_path(checkpoint.directory()), kTokenizerFile);
  for (const std::string& path : {beside, above, config.tokenizer.path}) {
    if (!path.empty() && exists(fs, path)) return Tokenizer::load(fs, path);
  }
  return not_found("no tokenizer: neither {} nor {}{} is there", beside, above,
                   config.tokenizer.path.empty() ? "" : " nor " + config.tokenizer.path);
}

}  // namespace

Result<TrainedModel> open_trained_model(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(Checkpoint checkpoint, load_checkpoint(fs, path));
  TUTTI_ASSIGN(Config config, config_of(checkpoint));
  TUTTI_ASSIGN(Tokenizer tokenizer, tokenizer_of(fs, checkpoint, config));
  if (tokenizer.vocab_size() > config.model.vocab) {
    return invalid("{}: the tokenizer has {} tokens, and model.vocab is {}", checkpoint.directory(),
                   tokenizer.vocab_size(), config.model.vocab);
  }
  return TrainedModel{std::move(checkpoint), std::move(config), std::move(tokenizer)};
}

}  // namespace tutti
