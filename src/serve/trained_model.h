// What a training run leaves for those who use its model: a checkpoint, the config that it was
// trained with, and its tokenizer.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "data/tokenizer.h"
#include "train/config.h"

namespace tutti {

struct TrainedModel {
  Checkpoint checkpoint;
  Config config;
  Tokenizer tokenizer;
};

// `path` is a checkpoint, or a run directory, of which the newest valid checkpoint is taken. The
// config is the text under "config" in the checkpoint's trainer state. The tokenizer is the first
// found of tokenizer.json beside the manifest, in the directory above (a run's), and at the
// config's tokenizer.path. kInvalidArgument when it has more tokens than the model.
Result<TrainedModel> open_trained_model(FileSystem& fs, const std::string& path);

}  // namespace tutti
