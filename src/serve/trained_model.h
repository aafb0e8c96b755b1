// What a training run, here or elsewhere, leaves for those who use its model: the tensors, the
// config that it was trained with, and its tokenizer.
#pragma once

#include <memory>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/tensor_source.h"
#include "data/tokenizer.h"
#include "train/config.h"
#include "train/text_bounds.h"

namespace tutti {

struct TrainedModel {
  std::unique_ptr<TensorSource> tensors;
  int64_t step = 0;
  Config config;
  Tokenizer tokenizer;
  TextBounds bounds;
};

// `path` is a checkpoint, a run directory, of which the newest valid checkpoint is taken, or a
// Hugging Face directory. A checkpoint's config is the text under "config" in its trainer state.
// Its tokenizer is the first found of tokenizer.json beside the manifest, tokenizer.json or
// tokenizer.model of its run, the config's tokenizer.path, and the run's
// hugging_face/tokenizer.model; that of a Hugging Face directory its tokenizer.json, or else its
// tokenizer.model. kInvalidArgument when it has more tokens than the model.
Result<TrainedModel> open_trained_model(FileSystem& fs, const std::string& path);

}  // namespace tutti
