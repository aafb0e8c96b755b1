// A model that was trained, here or elsewhere: its tensors wherever they lie, what it computes, and
// the files that came with it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_source.h"
#include "train/config.h"

namespace tutti {

// What the files of tokenizers are called, beside a model.
inline constexpr const char* kTokenizerJsonName = "tokenizer.json";
inline constexpr const char* kTokenizerModelName = "tokenizer.model";  // of sentencepiece
// The one of the two for a tokenizer's file with this content.
const char* tokenizer_name(std::string_view content);

struct SavedModel {
  std::unique_ptr<TensorSource> tensors;
  // Of its run; of a Hugging Face directory: default_config of its model.
  Config config;
  int64_t step = 0;   // of its run; 0: not trained here
  bool chat = false;  // trained here on examples of fine-tuning
  // Where its tokenizer may be, nearest first. Need not be there.
  std::vector<std::string> tokenizer_paths;
  // Where the other files of a Hugging Face directory are that it came with. Need not be there.
  std::string hugging_face_files;
};

// `path` is a Hugging Face directory, a checkpoint, or a run's directory (its newest valid one). A
// checkpoint's bytes are verified. kInvalidArgument: a directory that holds models of both kinds.
Result<SavedModel> open_saved_model(FileSystem& fs, const std::string& path);

// The config alone of what open_saved_model() opens; tensors are not looked at.
Result<Config> read_saved_config(FileSystem& fs, const std::string& path);

// The first of the tokenizer's places where a file is; "" when there is none.
std::string find_tokenizer_file(FileSystem& fs, const SavedModel& model);

// What a model is evaluated with where nothing else is said: samples of its context, at most 1024
// tokens.
Config default_config(const ModelConfig& model);

}  // namespace tutti
