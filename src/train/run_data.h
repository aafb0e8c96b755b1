// The tokens of a run, opened and checked against its model. Immutable and thread-safe; owns the
// mapped files.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "data/training_samples.h"
#include "train/config.h"

namespace tutti {

struct RunData {
  TrainingSamples train;
  std::optional<TokenDataset> validation;  // when train.eval_every asks for it
};

// Errors name the key: tokens that are missing, damaged or shorter than a sample, a token or a
// tokenizer beyond model.vocab.
Result<RunData> open_run_data(FileSystem& fs, const Config& config);

// What a run trains on.
Result<TrainingSamples> open_training_samples(FileSystem& fs, const Config& config);

// One set, cut into the samples of `config`; `key` is what errors call it. Where documents end in
// tokens that have no index, and matter, the first of `tokenizer_paths` that is there says.
Result<TokenDataset> open_samples(FileSystem& fs, const Config& config, const std::string& path,
                                  std::string_view key,
                                  std::span<const std::string> tokenizer_paths);

// What a resumed run recognises its data by, wherever the files lie now: 32 hex digits of the
// number of tokens and of samples taken evenly from each set, and of the sets' shares.
std::string data_fingerprint(const TrainingSamples& samples);

}  // namespace tutti
