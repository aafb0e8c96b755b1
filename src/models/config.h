// What defines a model's computation. Sizes are counts of elements along the named dim.
#pragma once

#include <cstdint>
#include <string>

namespace tutti {

enum class Architecture { kGpt2, kLlama };

// kLlama3 stretches low frequencies, kLinear all of them ("rope_type" of Hugging Face configs).
enum class RopeScalingType { kLlama3, kLinear };

// How rotary frequencies are stretched for a longer context; factor 1 is off.
struct RopeScaling {
  RopeScalingType type = RopeScalingType::kLlama3;
  double factor = 1.0;
  // Of kLlama3 only.
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_context = 8192;

  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};

struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  int64_t layers = 0;
  int64_t embed = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;  // grouped-query attention: heads / kv_heads queries share a key head
  int64_t head_dim = 0;
  int64_t mlp = 0;
  int64_t vocab = 0;
  int64_t context = 0;  // longest sequence; the rows of GPT-2's position embedding
  int64_t window = 0;   // > 0: a token sees so many last tokens, itself included (Mistral)
  bool tied_embeddings = false;
  bool qkv_bias = false;     // Qwen2; always on in GPT-2
  bool output_bias = false;  // of attention's output projection; always on in GPT-2
  bool mlp_bias = false;     // always on in GPT-2
  bool qk_norm = false;      // RMS norm of each query and key head before rope (Qwen3)
  double norm_epsilon = 1e-5;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  double dropout = 0.0;            // after the embedding and each residual branch
  double attention_dropout = 0.0;  // of the softmax's weights
  double init_std = 0.02;          // residual projections get init_std / sqrt(2 * layers)

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

}  // namespace tutti
