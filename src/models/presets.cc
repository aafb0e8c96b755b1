#include "models/presets.h"

namespace tutti {
namespace {

struct Sizes {
  int64_t layers, embed, heads, kv_heads, head_dim, mlp, vocab, context;
};

constexpr ModelConfig sized(Architecture architecture, const Sizes& sizes) {
  ModelConfig config;
  config.architecture = architecture;
  config.layers = sizes.layers;
  config.embed = sizes.embed;
  config.heads = sizes.heads;
  config.kv_heads = sizes.kv_heads;
  config.head_dim = sizes.head_dim;
  config.mlp = sizes.mlp;
  config.vocab = sizes.vocab;
  config.context = sizes.context;
  return config;
}

constexpr ModelConfig gpt2(const Sizes& sizes) {
  ModelConfig config = sized(Architecture::kGpt2, sizes);
  config.tied_embeddings = true;
  config.qkv_bias = true;
  config.output_bias = true;
  config.mlp_bias = true;
  return config;
}

struct LlamaChoices {
  bool tied = false;
  double theta = 10000.0;
  double norm_epsilon = 1e-5;
  bool qkv_bias = false;
  double rope_factor = 1.0;
  double init_std = 0.02;
  int64_t window = 0;
  bool qk_norm = false;
};

constexpr ModelConfig llama(const Sizes& sizes, const LlamaChoices& choices = {}) {
  ModelConfig config = sized(Architecture::kLlama, sizes);
  config.tied_embeddings = choices.tied;
  config.rope_theta = choices.theta;
  config.norm_epsilon = choices.norm_epsilon;
  config.qkv_bias = choices.qkv_bias;
  config.rope_scaling.factor = choices.rope_factor;
  config.init_std = choices.init_std;
  config.window = choices.window;
  config.qk_norm = choices.qk_norm;
  return config;
}

constexpr ModelConfig qwen3(const Sizes& sizes, bool tied) {
  return llama(sizes, {.tied = tied, .theta = 1e6, .norm_epsilon = 1e-6, .qk_norm = true});
}

// Columns: layers, embed, heads, kv_heads, head_dim, mlp, vocab, context.
constexpr ModelPreset kPresets[] = {
    {"gpt2-tiny", "for tests", gpt2({2, 64, 4, 4, 16, 256, 512, 128})},
    {"gpt2-124m", "openai-community/gpt2", gpt2({12, 768, 12, 12, 64, 3072, 50257, 1024})},
    {"gpt2-355m", "openai-community/gpt2-medium", gpt2({24, 1024, 16, 16, 64, 4096, 50257, 1024})},
    {"gpt2-774m", "openai-community/gpt2-large", gpt2({36, 1280, 20, 20, 64, 5120, 50257, 1024})},
    {"gpt2-1558m", "openai-community/gpt2-xl", gpt2({48, 1600, 25, 25, 64, 6400, 50257, 1024})},

    {"llama-tiny", "for tests", llama({2, 64, 4, 2, 16, 192, 512, 128}, {.tied = true})},
    {"llama-10m", "for trials on a CPU", llama({10, 256, 8, 4, 32, 768, 8192, 512}, {.tied = true})},
    {"tinyllama-1.1b", "TinyLlama/TinyLlama_v1.1", llama({22, 2048, 32, 4, 64, 5632, 32000, 2048})},
    {"llama2-7b", "meta-llama/Llama-2-7b", llama({32, 4096, 32, 32, 128, 11008, 32000, 4096})},
    {"llama2-13b", "meta-llama/Llama-2-13b", llama({40, 5120, 40, 40, 128, 13824, 32000, 4096})},
    {"llama2-70b", "meta-llama/Llama-2-70b", llama({80, 8192, 64, 8, 128, 28672, 32000, 4096})},
    {"llama3-8b", "meta-llama/Meta-Llama-3-8B",
     llama({32, 4096, 32, 8, 128, 14336, 128256, 8192}, {.theta = 500000.0})},
    {"llama3-70b", "meta-llama/Meta-Llama-3-70B",
     llama({80, 8192, 64, 8, 128, 28672, 128256, 8192}, {.theta = 500000.0})},
    {"llama3.1-8b", "meta-llama/Llama-3.1-8B",
     llama({32, 4096, 32, 8, 128, 14336, 128256, 131072}, {.theta = 500000.0, .rope_factor = 8.0})},
    {"llama3.1-405b", "meta-llama/Llama-3.1-405B",
     llama({126, 16384, 128, 8, 128, 53248, 128256, 131072},
           {.theta = 500000.0, .rope_factor = 8.0})},
    {"llama3.2-1b", "meta-llama/Llama-3.2-1B",
     llama({16, 2048, 32, 8, 64, 8192, 128256, 131072},
           {.tied = true, .theta = 500000.0, .rope_factor = 32.0})},
    {"llama3.2-3b", "meta-llama/Llama-3.2-3B",
     llama({28, 3072, 24, 8, 128, 8192, 128256, 131072},
           {.tied = true, .theta = 500000.0, .rope_factor = 32.0})},

    {"mistral-7b", "mistralai/Mistral-7B-v0.1",
     llama({32, 4096, 32, 8, 128, 14336, 32000, 32768}, {.window = 4096})},
    {"mistral-7b-v0.3", "mistralai/Mistral-7B-v0.3",
     llama({32, 4096, 32, 8, 128, 14336, 32768, 32768}, {.theta = 1e6})},

    {"smollm2-135m", "HuggingFaceTB/SmolLM2-135M",
     llama({30, 576, 9, 3, 64, 1536, 49152, 8192},
           {.tied = true, .theta = 100000.0, .init_std = 1.0 / 24.0})},
    {"smollm2-360m", "HuggingFaceTB/SmolLM2-360M",
     llama({32, 960, 15, 5, 64, 2560, 49152, 8192}, {.tied = true, .theta = 100000.0})},
    {"smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B",
     llama({24, 2048, 32, 32, 64, 8192, 49152, 8192}, {.tied = true, .theta = 130000.0})},

    {"qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B",
     llama({24, 896, 14, 2, 64, 4864, 151936, 32768},
           {.tied = true, .theta = 1e6, .norm_epsilon = 1e-6, .qkv_bias = true})},
    {"qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B",
     llama({28, 1536, 12, 2, 128, 8960, 151936, 131072},
           {.tied = true, .theta = 1e6, .norm_epsilon = 1e-6, .qkv_bias = true})},
    {"qwen2.5-7b", "Qwen/Qwen2.5-7B",
     llama({28, 3584, 28, 4, 128, 18944, 152064, 131072},
           {.theta = 1e6, .norm_epsilon = 1e-6, .qkv_bias = true})},

    {"qwen3-0.6b", "Qwen/Qwen3-0.6B",
     qwen3({28, 1024, 16, 8, 128, 3072, 151936, 40960}, true)},
    {"qwen3-1.7b", "Qwen/Qwen3-1.7B",
     qwen3({28, 2048, 16, 8, 128, 6144, 151936, 40960}, true)},
    {"qwen3-4b", "Qwen/Qwen3-4B", qwen3({36, 2560, 32, 8, 128, 9728, 151936, 40960}, true)},
    {"qwen3-8b", "Qwen/Qwen3-8B", qwen3({36, 4096, 32, 8, 128, 12288, 151936, 40960}, false)},
    {"qwen3-14b", "Qwen/Qwen3-14B", qwen3({40, 5120, 40, 8, 128, 17408, 151936, 40960}, false)},
    {"qwen3-32b", "Qwen/Qwen3-32B", qwen3({64, 5120, 64, 8, 128, 25600, 151936, 40960}, false)},
};

}  // namespace

std::span<const ModelPreset> model_presets() { return kPresets; }

const ModelPreset* find_model_preset(std::string_view name) {
  for (const ModelPreset& preset : kPresets) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

int64_t parameter_count(const ModelConfig& c) {
  const int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const bool gpt2 = c.architecture == Architecture::kGpt2;
  const int64_t norm = gpt2 ? 2 * c.embed : c.embed;
  const int64_t mlp_products = gpt2 ? 2 : 3;
  int64_t layer = c.embed * (2 * q + 2 * kv) + mlp_products * c.embed * c.mlp + 2 * norm;
  if (gpt2 || c.qkv_bias) layer += q + 2 * kv;
  if (gpt2 || c.output_bias) layer += c.embed;
  if (gpt2 || c.mlp_bias) layer += (mlp_products - 1) * c.mlp + c.embed;
  if (c.qk_norm) layer += 2 * c.head_dim;
  int64_t total = c.layers * layer + norm + c.vocab * c.embed;
  if (gpt2) total += c.context * c.embed;
  if (!c.tied_embeddings) total += c.vocab * c.embed;
  return total;
}

}  // namespace tutti
