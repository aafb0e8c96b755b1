#include "serve/trained_model.h"

#include "train/saved_model.h"

namespace tutti {
namespace {

Result<Tokenizer> tokenizer_of(FileSystem& fs, const SavedModel& saved) {
  for (const std::string& path : saved.tokenizer_paths) {
    if (exists(fs, path)) return Tokenizer::load(fs, path);
  }
  return not_found("no tokenizer: none of {} is there", fmt::join(saved.tokenizer_paths, ", "));
}

}  // namespace

Result<TrainedModel> open_trained_model(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(SavedModel saved, open_saved_model(fs, path));
  TUTTI_ASSIGN(Tokenizer tokenizer, tokenizer_of(fs, saved));
  if (tokenizer.vocab_size() > saved.config.model.vocab) {
    return invalid("{}: the tokenizer has {} tokens, and model.vocab is {}",
                   saved.tensors->directory(), tokenizer.vocab_size(), saved.config.model.vocab);
  }
  TUTTI_ASSIGN(TextBounds bounds, find_text_bounds(fs, saved, tokenizer));
  return TrainedModel{std::move(saved.tensors), saved.step, std::move(saved.config),
                      std::move(tokenizer), std::move(bounds)};
}

}  // namespace tutti
