// From a trained model to a Hugging Face directory that `transformers` and what builds on it load.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/hugging_face_writer.h"

namespace tutti {

struct ExportOptions {
  std::string from = {};  // a checkpoint, a run's directory, or a Hugging Face one
  std::string to = {};
  HuggingFaceWeightOptions weights = {};
  bool force = false;  // replace what is there
};

struct ExportedModel {
  std::string source = {};  // the checkpoint that was read
  int64_t step = 0;
  std::string model_type = {};
  int64_t parameters = 0;               // stored; a tied output projection counts once
  uint64_t bytes = 0;                   // of weights
  std::vector<std::string> files = {};  // all that was written, sorted
};

// Writes config.json, weights, generation_config.json, the tokenizer and what was kept from an
// import. The same model and options give the same bytes. Without `force` a directory that holds
// one of these files is refused, and nothing is written; with it older weights go too. A run's
// directory is always refused. Files appear together, when the last is complete; what fails or is
// stopped (kInterrupted) leaves none, and what one that was killed left goes. kResource: another
// process writes there.
Result<ExportedModel> export_model(FileSystem& fs, const ExportOptions& options);

}  // namespace tutti
