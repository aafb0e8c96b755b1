#include "models/hugging_face_config.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/json.h"
#include "models/hugging_face_keys.h"

namespace tutti {
namespace {

// What a model type's class in transformers takes where a key is missing.
struct TypeDefaults {
  std::string_view name;
  int64_t kv_heads;  // 0: as many as heads
  int64_t head_dim;  // 0: hidden_size / num_attention_heads
};

constexpr TypeDefaults kLlamaTypes[] = {
    {"llama", 0, 0}, {"mistral", 8, 0}, {"qwen2", 32, 0}, {"qwen3", 32, 128}};

// A key of which only some values are computed here; a missing one has the first.
struct OnlyValues {
  std::string_view key;
  std::string_view values;  // a JSON array
};

constexpr OnlyValues kGpt2Only[] = {
    {"activation_function", R"(["gelu_new", "gelu_pytorch_tanh"])"},
    {"scale_attn_weights", "[true]"},
    {"scale_attn_by_inverse_layer_idx", "[false]"},
    {"add_cross_attention", "[false]"},
    {"quantization_config", "[null]"},
};

constexpr OnlyValues kLlamaOnly[] = {
    {"hidden_act", R"(["silu", "swish"])"},
    {"partial_rotary_factor", "[1.0]"},
    {"quantization_config", "[null]"},
};

Status check_only(const HuggingFaceKeys& keys, std::span<const OnlyValues> table) {
  for (const OnlyValues& only : table) {
    const Json* value = keys.find(only.key);
    if (value == nullptr) continue;
    const Json allowed = parse_json(only.values, only.key).value();
    if (std::find(allowed.begin(), allowed.end(), *value) == allowed.end()) {
      return keys.unsupported(only.key, *value, only.values);
    }
  }
  return {};
}

Result<ModelConfig> parse_gpt2(const HuggingFaceKeys& keys) {
  TUTTI_TRY(check_only(keys, kGpt2Only));
  ModelConfig model;
  model.architecture = Architecture::kGpt2;
  model.qkv_bias = model.output_bias = model.mlp_bias = true;
  TUTTI_ASSIGN(model.layers, keys.size("n_layer", 10'000));
  TUTTI_ASSIGN(model.embed, keys.size("n_embd", 1 << 20));
  TUTTI_ASSIGN(model.heads, keys.size("n_head", 1 << 16));
  TUTTI_ASSIGN(model.mlp, keys.size("n_inner", 1 << 24, 4 * model.embed));
  TUTTI_ASSIGN(model.vocab, keys.size("vocab_size", 1 << 24));
  TUTTI_ASSIGN(model.context, keys.size("n_positions", 1 << 24));
  TUTTI_ASSIGN(model.tied_embeddings, keys.boolean("tie_word_embeddings", true));
  TUTTI_ASSIGN(model.norm_epsilon, keys.number("layer_norm_epsilon", 1e-5, 1e-30, 1));
  TUTTI_ASSIGN(model.init_std, keys.number("initializer_range", 0.02, 1e-30, 10));
  // One rate for the embedding and the branches. No rate changes what is computed from a text.
  TUTTI_ASSIGN(const double residual, keys.number("resid_pdrop", 0.1, 0, 1));
  TUTTI_ASSIGN(const double embedding, keys.number("embd_pdrop", 0.1, 0, 1));
  model.dropout = residual == embedding && residual < 1 ? residual : 0;
  TUTTI_ASSIGN(const double attention, keys.number("attn_pdrop", 0.1, 0, 1));
  model.attention_dropout = attention < 1 ? attention : 0;
  model.kv_heads = model.heads;
  TUTTI_TRY(keys.divides("n_head", model.heads, "n_embd", model.embed));
  model.head_dim = model.embed / model.heads;
  return model;
}

Status parse_heads(const HuggingFaceKeys& keys, const TypeDefaults& defaults, ModelConfig& model) {
  TUTTI_ASSIGN(model.heads, keys.size("num_attention_heads", 1 << 16));
  const int64_t kv_heads = defaults.kv_heads > 0 ? defaults.kv_heads : model.heads;
  TUTTI_ASSIGN(model.kv_heads, keys.size("num_key_value_heads", 1 << 16, kv_heads));
  TUTTI_TRY(
      keys.divides("num_key_value_heads", model.kv_heads, "num_attention_heads", model.heads));
  if (keys.find("head_dim") == nullptr && defaults.head_dim == 0) {
    TUTTI_TRY(keys.divides("num_attention_heads", model.heads, "hidden_size", model.embed));
  }
  const int64_t head_dim = defaults.head_dim > 0 ? defaults.head_dim : model.embed / model.heads;
  TUTTI_ASSIGN(model.head_dim, keys.size("head_dim", 1 << 16, std::max<int64_t>(1, head_dim)));
  return keys.divides("2 (rotary pairs)", 2, "head_dim", model.head_dim);
}

// Mistral's window is on every layer. Qwen's begins at max_window_layers, or layer_types says
// where.
Result<int64_t> parse_window(const HuggingFaceKeys& keys, std::string_view type, int64_t layers) {
  if (type == "llama") return 0;
  const bool mistral = type == "mistral";
  TUTTI_ASSIGN(const bool used, keys.boolean("use_sliding_window", false));
  if (!mistral && !used) return 0;
  if (keys.is_null("sliding_window")) return 0;
  TUTTI_ASSIGN(const int64_t window, keys.size("sliding_window", 1 << 24, 4096));
  if (mistral) return window;
  TUTTI_ASSIGN(const int64_t first, keys.size("max_window_layers", 1 << 24, 28, 0));
  if (keys.find("layer_types") != nullptr) {
    TUTTI_ASSIGN(const bool sliding, keys.all_layers_slide(layers));
    return sliding ? window : 0;
  }
  if (first >= layers) return 0;
  if (first == 0) return window;
  return keys.unsupported("max_window_layers", first,
                          fmt::format("0 or {}: a window on all layers or on none", layers));
}

Status parse_biases(const HuggingFaceKeys& keys, std::string_view type, ModelConfig& model) {
  if (type == "llama" || type == "qwen3") {
    TUTTI_ASSIGN(model.qkv_bias, keys.boolean("attention_bias", false));
    model.output_bias = model.qkv_bias;
  }
  if (type == "llama") {
    TUTTI_ASSIGN(model.mlp_bias, keys.boolean("mlp_bias", false));
  }
  if (type == "qwen2") model.qkv_bias = true;
  model.qk_norm = type == "qwen3";
  return {};
}

Result<ModelConfig> parse_llama(const HuggingFaceKeys& keys, const TypeDefaults& defaults) {
  TUTTI_TRY(check_only(keys, kLlamaOnly));
  ModelConfig model;
  TUTTI_ASSIGN(model.layers, keys.size("num_hidden_layers", 10'000));
  TUTTI_ASSIGN(model.embed, keys.size("hidden_size", 1 << 20));
  TUTTI_TRY(parse_heads(keys, defaults, model));
  TUTTI_ASSIGN(model.mlp, keys.size("intermediate_size", 1 << 24));
  TUTTI_ASSIGN(model.vocab, keys.size("vocab_size", 1 << 24));
  TUTTI_ASSIGN(model.context, keys.size("max_position_embeddings", 1 << 24));
  TUTTI_ASSIGN(model.tied_embeddings, keys.boolean("tie_word_embeddings", false));
  TUTTI_ASSIGN(model.norm_epsilon, keys.number("rms_norm_eps", 1e-6, 1e-30, 1));
  TUTTI_ASSIGN(model.init_std, keys.number("initializer_range", 0.02, 1e-30, 10));
  TUTTI_ASSIGN(const double dropout, keys.number("attention_dropout", 0.0, 0, 1));
  model.attention_dropout = dropout < 1 ? dropout : 0;
  TUTTI_ASSIGN(model.window, parse_window(keys, defaults.name, model.layers));
  TUTTI_TRY(parse_biases(keys, defaults.name, model));
  TUTTI_TRY(parse_rope(keys, model.rope_theta, model.rope_scaling));
  return model;
}

}  // namespace

Result<ModelConfig> parse_hugging_face_config(std::string_view text, std::string_view path) {
  TUTTI_ASSIGN(const Json object, parse_json(text, path));
  TUTTI_ASSIGN(const std::string type, json_string(object, "model_type", path));
  const HuggingFaceKeys keys(object, std::string(path));
  if (type == "gpt2") return parse_gpt2(keys);
  for (const TypeDefaults& defaults : kLlamaTypes) {
    if (defaults.name == type) return parse_llama(keys, defaults);
  }
  return keys.unsupported("model_type", type, "gpt2, llama, mistral, qwen2, qwen3");
}

}  // namespace tutti
