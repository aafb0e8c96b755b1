// What defines a model's computation. Sizes are counts of elements along the named dim.
#pragma once

#include <cstdint>
#include <string>

namespace tutti {

enum class Architecture { kGpt2, kLlama };

// Llama 3's frequency scaling ("rope_type": "llama3" in Hugging Face configs); factor 1 is off.
struct RopeScaling {
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_context = 8192;
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
  bool tied_embeddings = false;
  bool qkv_bias = false;    // Qwen2; always on in GPT-2
  bool output_bias = false; // attention output projection and MLP; always on in GPT-2
  double norm_epsilon = 1e-5;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  double dropout = 0.0;   // after the embedding and each residual branch
  double init_std = 0.02;  // residual projections get init_std / sqrt(2 * layers)
};

}  // namespace tutti
