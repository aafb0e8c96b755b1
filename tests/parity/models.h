// The models that the parity tests train, and how much of them.
#pragma once

#include <string>

#include "models/config.h"
#include "plan/plan.h"

namespace tutti {

struct ParityModel {
  std::string name;
  ModelConfig config;
};

// GPT-2 (tied, biases, dropout of the residual stream and of attention) and Llama (grouped queries,
// untied, a vocabulary that is padded), two layers each.
ParityModel parity_gpt2();
ParityModel parity_llama();

inline constexpr int64_t kParitySamples = 8;  // a step, in every layout
inline constexpr int64_t kParitySeq = 32;

// A plan of ranks that share key/value heads as this model's can be.
Plan for_model(Plan plan, const ModelConfig& model);

}  // namespace tutti
