// Small models with random weights, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include "base/rng.h"
#include "execute/initialise.h"
#include "kernels/backend.h"
#include "kernels/cpu/kernels.h"
#include "serve/cached_model.h"
#include "tensor/float_conversion.h"

namespace tutti {

inline ModelConfig small_serving_model(Architecture architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.layers = 2;
  config.embed = 32;
  config.heads = 4;
  config.kv_heads = architecture == Architecture::kLlama ? 2 : 4;
  config.head_dim = 8;
  config.mlp = 48;
  config.vocab = 61;  // padded to 64
  config.context = 96;
  config.tied_embeddings = architecture == Architecture::kGpt2;
  return config;
}

// Writes weights large enough for logits that differ; padding rows are far from zero, so that a
// draw among them would show.
inline void set_random_parameters(const StepGraph& step, uint64_t seed,
                                  const std::function<Operand(const std::string&)>& operand_of) {
  for (const ParameterInfo& info : step.model.parameters) {
    const std::string& name = step.graph.value(info.value).name;
    const Operand x = operand_of(name);
    const RngKey key = rng_key(seed, 0, stable_hash(name));
    const int64_t row = x.sizes.empty() ? 1 : x.count() / x.sizes[0];
    const int64_t valid = info.valid_rows < 0 ? x.count() : info.valid_rows * row;
    const float mean = info.initialisation == Initialisation::kOnes ? 1.0f : 0.0f;
    for (int64_t i = 0; i < x.count(); ++i) {
      const float noise = 0.3f * normal_at(key, static_cast<uint64_t>(i));
      const float number = i < valid ? mean + noise : 9.0f;
      if (x.dtype == DType::kBF16) {
        x.as<uint16_t>()[i] = f32_to_bf16(number);
      } else {
        x.as<float>()[i] = number;
      }
    }
  }
}

inline std::unique_ptr<CachedModel> make_small_model(const ModelConfig& config,
                                                     const CachedModelOptions& options,
                                                     uint64_t seed) {
  auto model = CachedModel::create(config, options, make_cpu_backend(cpu::default_kernels(), 2));
  EXPECT_TRUE(model.ok()) << model.message();
  if (!model.ok()) return nullptr;
  set_random_parameters((*model)->step(), seed,
                        [&](const std::string& name) { return (*model)->parameter(name); });
  return std::move(model).value();
}

inline std::vector<int32_t> random_tokens(uint64_t seed, int64_t count, int64_t vocab) {
  std::vector<int32_t> tokens;
  const RngKey key = rng_key(seed, 1, stable_hash("tokens"));
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t word = philox(key, static_cast<uint64_t>(i))[0];
    tokens.push_back(static_cast<int32_t>(word % static_cast<uint64_t>(vocab)));
  }
  return tokens;
}

}  // namespace tutti
