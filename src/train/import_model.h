// From a Hugging Face directory to a run's directory: a checkpoint at step 0 in F32, the tokenizer,
// the files that an export gives back, and a config to fine-tune with.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "models/config.h"
#include "tensor/dtype.h"

namespace tutti {

struct ImportedModel {
  std::string checkpoint = {};  // its directory
  std::string config = {};      // the path of config.toml
  ModelConfig model = {};
  std::string model_type = {};  // "llama"
  DType stored_dtype = DType::kF32;
  size_t files = 0;  // of weights
  int64_t parameters = 0;
  bool tokenizer = false;              // whether there is a tokenizer.json
  std::vector<std::string> kept = {};  // other files
};

// Reads the directory `from` and makes `to`, which must hold no run and no Hugging Face model. What
// fails, or is killed before its checkpoint is complete, is done again by the same call. One tensor
// is in memory at a time. config.toml has model.init = `to`, so that `tutti train TO/config.toml
// data.train=PREFIX` fine-tunes the model into the directory `to`-tuned.
Result<ImportedModel> import_model(FileSystem& fs, const std::string& from, const std::string& to);

}  // namespace tutti
