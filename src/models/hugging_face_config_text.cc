// Writing config.json: the keys that transformers 4 and 5 both read (rope_theta, rope_scaling,
// torch_dtype), sorted by name as transformers writes them.

#include "base/json.h"
#include "models/hugging_face_config.h"
#include "models/hugging_face_tokens.h"

namespace tutti {
namespace {

constexpr const char* kTokenKeys[] = {"bos_token_id", "eos_token_id", "pad_token_id"};

std::string_view torch_dtype(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    default:
      TUTTI_CHECK(dtype == DType::kF32, "{}", dtype_name(dtype));
      return "float32";
  }
}

// Ids of special tokens are always written, null where there is none: a missing key would get the
// default of the model's class, which is a token of another vocabulary.
Status add_tokens(const HuggingFaceConfigOptions& options, Json& config) {
  constexpr std::string_view kOriginal = "the original config.json";
  const std::vector<int32_t>& ends = options.end_tokens;
  config["bos_token_id"] = ends.empty() ? Json() : Json(ends.front());
  config["eos_token_id"] = nullptr;
  if (!options.original.empty()) {
    TUTTI_ASSIGN(const Json original, parse_json(options.original, kOriginal));
    for (const char* key : kTokenKeys) {
      const Json* found = original.find(key);
      if (found != nullptr) config[key] = *found;
    }
  }
  return add_hugging_face_end_tokens(config, ends, kOriginal);
}

Json gpt2_keys(const ModelConfig& model) {
  return {{"architectures", Json::array({"GPT2LMHeadModel"})},
          {"activation_function", "gelu_new"},
          {"attn_pdrop", model.attention_dropout},
          {"embd_pdrop", model.dropout},
          {"initializer_range", model.init_std},
          {"layer_norm_epsilon", model.norm_epsilon},
          {"n_embd", model.embed},
          {"n_head", model.heads},
          {"n_inner", model.mlp == 4 * model.embed ? Json(nullptr) : Json(model.mlp)},
          {"n_layer", model.layers},
          {"n_positions", model.context},
          {"resid_pdrop", model.dropout}};
}

Json rope_scaling(const RopeScaling& scaling) {
  if (scaling.factor == 1) return nullptr;
  if (scaling.type == RopeScalingType::kLinear) {
    return {{"rope_type", "linear"}, {"factor", scaling.factor}};
  }
  return {{"rope_type", "llama3"},
          {"factor", scaling.factor},
          {"low_freq_factor", scaling.low_freq_factor},
          {"high_freq_factor", scaling.high_freq_factor},
          {"original_max_position_embeddings", scaling.original_context}};
}

constexpr std::string_view class_name(std::string_view type) {
  if (type == "mistral") return "MistralForCausalLM";
  if (type == "qwen2") return "Qwen2ForCausalLM";
  return type == "qwen3" ? "Qwen3ForCausalLM" : "LlamaForCausalLM";
}

Json llama_keys(const ModelConfig& model, std::string_view type) {
  Json config = {{"architectures", Json::array({class_name(type)})},
                 {"attention_dropout", model.attention_dropout},
                 {"hidden_act", "silu"},
                 {"hidden_size", model.embed},
                 {"initializer_range", model.init_std},
                 {"intermediate_size", model.mlp},
                 {"max_position_embeddings", model.context},
                 {"num_attention_heads", model.heads},
                 {"num_hidden_layers", model.layers},
                 {"num_key_value_heads", model.kv_heads},
                 {"rms_norm_eps", model.norm_epsilon},
                 {"rope_scaling", rope_scaling(model.rope_scaling)},
                 {"rope_theta", model.rope_theta}};
  if (type != "qwen2" || model.heads * model.head_dim != model.embed) {
    config["head_dim"] = model.head_dim;
  }
  if (type == "llama" || type == "qwen3") config["attention_bias"] = model.qkv_bias;
  if (type == "llama") config["mlp_bias"] = model.mlp_bias;
  if (type == "llama") return config;
  config["sliding_window"] = model.window > 0 ? Json(model.window) : Json(nullptr);
  if (type == "mistral") return config;
  config["use_sliding_window"] = model.window > 0;
  config["max_window_layers"] = model.window > 0 ? 0 : model.layers;
  return config;
}

Error no_such_type(std::string_view key, std::string_view why) {
  return invalid("{}: no model type of Hugging Face computes that: {}", key, why);
}

}  // namespace

Result<std::string> hugging_face_model_type(const ModelConfig& model) {
  if (model.architecture == Architecture::kGpt2) {
    if (model.window > 0) return no_such_type("model.window", "gpt2 has no sliding window");
    return std::string("gpt2");
  }
  if (model.qk_norm) {
    if (model.qkv_bias != model.output_bias) {
      return no_such_type("model.qkv_bias", "with qk_norm it goes with model.output_bias");
    }
    if (model.mlp_bias) return no_such_type("model.mlp_bias", "with qk_norm there is none");
    return std::string("qwen3");
  }
  if (model.output_bias && !model.qkv_bias) {
    return no_such_type("model.output_bias", "it goes with model.qkv_bias");
  }
  const bool qwen2 = model.qkv_bias && !model.output_bias;
  if (qwen2 && model.mlp_bias) {
    return no_such_type("model.mlp_bias", "with model.qkv_bias it goes with model.output_bias");
  }
  if (qwen2) return std::string("qwen2");
  const bool biases = model.qkv_bias || model.mlp_bias;
  if (model.window > 0 && biases) {
    return no_such_type("model.window", "a model with these biases has no sliding window");
  }
  return std::string(model.window > 0 ? "mistral" : "llama");
}

Result<std::string> format_hugging_face_config(const ModelConfig& model,
                                               const HuggingFaceConfigOptions& options) {
  TUTTI_ASSIGN(const std::string type, hugging_face_model_type(model));
  Json config = type == "gpt2" ? gpt2_keys(model) : llama_keys(model, type);
  config["model_type"] = type;
  config["tie_word_embeddings"] = model.tied_embeddings;
  config["torch_dtype"] = torch_dtype(options.dtype);
  config["use_cache"] = true;
  config["vocab_size"] = model.vocab;
  TUTTI_TRY(add_tokens(options, config));
  return config.dump(2) + "\n";
}

Result<std::string> format_generation_config(const HuggingFaceConfigOptions& options) {
  Json config = {{"_from_model_config", true}};
  TUTTI_TRY(add_tokens(options, config));
  for (const char* key : kTokenKeys) {
    if (config.contains(key) && config[key].is_null()) config.erase(key);
  }
  return config.dump(2) + "\n";
}

}  // namespace tutti
