// A model's config.json as Hugging Face transformers reads and writes it, for the model types gpt2,
// llama, mistral, qwen2 and qwen3. What those would compute otherwise than a ModelConfig says is
// refused by the key that decides it: a model that is almost right gives wrong text. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "models/config.h"
#include "tensor/dtype.h"

namespace tutti {

// `path` names the file in errors. Both spellings are read: rope_theta with rope_scaling, and
// rope_parameters (transformers 5). Keys that the model's type gives a default are optional.
// kCorrupt: not JSON, a key twice, a value of the wrong type or out of range, a size that is
// missing. kInvalidArgument: a model that is not supported.
Result<ModelConfig> parse_hugging_face_config(std::string_view json, std::string_view path);

struct HuggingFaceConfigOptions {
  DType dtype = DType::kF32;  // of the weights beside it
  // The config.json that the model came with, from which the ids of special tokens are taken;
  // empty: none.
  std::string original = {};
  // Tokens that end a text and that the original may not name. Without an original the first also
  // begins one.
  std::vector<int32_t> end_tokens = {};
};

// The text of a config.json that transformers 4.45 and newer load, and that parses back to `model`;
// but for model.dropout, which only gpt2 has a key for.
// The same arguments give the same bytes. kInvalidArgument: a combination that no model type has,
// by the key of the run config.
Result<std::string> format_hugging_face_config(const ModelConfig& model,
                                               const HuggingFaceConfigOptions& options);

// {"bos_token_id": ..., "eos_token_id": ...}: a generation_config.json that says no more.
Result<std::string> format_generation_config(const HuggingFaceConfigOptions& options);

// "gpt2", "llama", "mistral", "qwen2" or "qwen3": whose computation `model` is. Errors as above.
Result<std::string> hugging_face_model_type(const ModelConfig& model);

}  // namespace tutti
