// The models that `model.preset` names: sizes as published, one line of a table each. Thread-safe.
#pragma once

#include <span>
#include <string_view>

#include "models/config.h"

namespace tutti {

struct ModelPreset {
  std::string_view name;  // what `model.preset` says
  std::string_view
      source;  // where the sizes were published; a Hugging Face name where there is one
  ModelConfig config;
};

std::span<const ModelPreset> model_presets();

// Null when there is no such preset. The pointer is valid for the life of the program.
const ModelPreset* find_model_preset(std::string_view name);

// The number of trained parameters; a tied output projection counts once.
int64_t parameter_count(const ModelConfig& config);

}  // namespace tutti
