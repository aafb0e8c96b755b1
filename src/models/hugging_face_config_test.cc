#include "models/hugging_face_config.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "models/presets.h"

namespace tutti {
namespace {

Json llama_json() {
  return {{"model_type", "llama"},    {"hidden_size", 64},
          {"intermediate_size", 160}, {"num_hidden_layers", 3},
          {"num_attention_heads", 8}, {"num_key_value_heads", 2},
          {"vocab_size", 100},        {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-5},     {"tie_word_embeddings", false}};
}

Json qwen_json() {
  Json config = llama_json();
  config["model_type"] = "qwen3";
  return config;
}

Json gpt2_json() {
  return {{"model_type", "gpt2"}, {"n_embd", 48},      {"n_layer", 2},
          {"n_head", 4},          {"vocab_size", 100}, {"n_positions", 64}};
}

Json with(Json config, const Json& changes) {
  for (const auto& [key, value] : changes.members()) config[key] = value;
  return config;
}

Result<ModelConfig> parse(const Json& config) {
  return parse_hugging_face_config(config.dump(), "config.json");
}

ModelConfig parsed(const Json& config) {
  const auto model = parse(config);
  EXPECT_TRUE(model.ok()) << model.message();
  return model.ok() ? *model : ModelConfig();
}

std::string error_of(const Json& config) {
  const auto model = parse(config);
  return model.ok() ? "accepted" : model.message();
}

TEST(HuggingFaceConfig, ReadsTheSizesOfLlama) {
  const ModelConfig model = parsed(llama_json());
  EXPECT_EQ(model.architecture, Architecture::kLlama);
  EXPECT_EQ(model.layers, 3);
  EXPECT_EQ(model.heads, 8);
  EXPECT_EQ(model.kv_heads, 2);
  EXPECT_EQ(model.head_dim, 8);
  EXPECT_EQ(model.mlp, 160);
  EXPECT_EQ(model.rope_theta, 10000.0);
  EXPECT_EQ(model.rope_scaling.factor, 1.0);
  EXPECT_FALSE(model.tied_embeddings || model.qkv_bias || model.output_bias || model.mlp_bias);
  EXPECT_EQ(model.window, 0);
}

TEST(HuggingFaceConfig, ReadsBothSpellingsOfRope) {
  const Json scaling = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 64}};
  const Json old = with(llama_json(), {{"rope_theta", 5e5}, {"rope_scaling", scaling}});
  const Json parameters = with(scaling, {{"rope_theta", 5e5}});
  const Json fresh = with(llama_json(), {{"rope_parameters", parameters}});
  EXPECT_EQ(parsed(old), parsed(fresh));
  EXPECT_EQ(parsed(fresh).rope_theta, 5e5);
  EXPECT_EQ(parsed(fresh).rope_scaling.factor, 8.0);
  EXPECT_EQ(parsed(fresh).rope_scaling.original_context, 64);
  const Json linear = {{"type", "linear"}, {"factor", 2}};
  EXPECT_EQ(parsed(with(llama_json(), {{"rope_scaling", linear}})).rope_scaling.type,
            RopeScalingType::kLinear);
  const Json plain = {{"rope_type", "default"}, {"rope_theta", 100}};
  EXPECT_EQ(parsed(with(llama_json(), {{"rope_parameters", plain}})).rope_theta, 100.0);
}

TEST(HuggingFaceConfig, TellsTheTypesApart) {
  EXPECT_TRUE(parsed(with(llama_json(), {{"model_type", "qwen2"}})).qkv_bias);
  EXPECT_FALSE(parsed(with(llama_json(), {{"model_type", "qwen2"}})).output_bias);
  const ModelConfig qwen3 = parsed(qwen_json());
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_dim, 128);
  EXPECT_EQ(parsed(with(qwen_json(), {{"head_dim", 32}})).head_dim, 32);
  const Json mistral = with(llama_json(), {{"model_type", "mistral"}});
  EXPECT_EQ(parsed(mistral).window, 4096);
  EXPECT_EQ(parsed(with(mistral, {{"sliding_window", 7}})).window, 7);
  EXPECT_EQ(parsed(with(mistral, {{"sliding_window", nullptr}})).window, 0);
  const ModelConfig biased = parsed(with(llama_json(), {{"attention_bias", true}}));
  EXPECT_TRUE(biased.qkv_bias && biased.output_bias && !biased.mlp_bias);
  EXPECT_TRUE(parsed(with(llama_json(), {{"mlp_bias", true}})).mlp_bias);
  const ModelConfig gpt2 = parsed(gpt2_json());
  EXPECT_TRUE(gpt2.tied_embeddings && gpt2.qkv_bias && gpt2.output_bias && gpt2.mlp_bias);
  EXPECT_EQ(gpt2.mlp, 192);
  EXPECT_EQ(gpt2.dropout, 0.1);
  EXPECT_EQ(gpt2.attention_dropout, 0.1);
  EXPECT_EQ(parsed(llama_json()).attention_dropout, 0);
  EXPECT_EQ(parsed(with(llama_json(), {{"attention_dropout", 0.2}})).attention_dropout, 0.2);
  EXPECT_EQ(parsed(with(gpt2_json(), {{"n_inner", 100}})).mlp, 100);
}

TEST(HuggingFaceConfig, ReadsAWindowOfQwenWhereItIsOnAllLayersOrNone) {
  const Json base = with(qwen_json(), {{"sliding_window", 16}});
  EXPECT_EQ(parsed(base).window, 0);
  const Json used = with(base, {{"use_sliding_window", true}});
  EXPECT_EQ(parsed(with(used, {{"max_window_layers", 0}})).window, 16);
  EXPECT_EQ(parsed(with(used, {{"max_window_layers", 3}})).window, 0);
  EXPECT_NE(error_of(with(used, {{"max_window_layers", 2}})).find("max_window_layers = 2"),
            std::string::npos);
  const std::vector<std::string> sliding(3, "sliding_attention");
  EXPECT_EQ(parsed(with(used, {{"layer_types", sliding}})).window, 16);
  const Json mixed = {"full_attention", "sliding_attention", "full_attention"};
  EXPECT_NE(error_of(with(used, {{"layer_types", mixed}})).find("layer_types"), std::string::npos);
}

TEST(HuggingFaceConfig, RefusesByTheKeyThatDecides) {
  const Json yarn = {{"rope_type", "yarn"}, {"factor", 4.0}};
  const Json partial = {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}};
  const Json per_layer = {{"full_attention", {{"rope_theta", 1e6}}}};
  const std::pair<Json, std::string> cases[] = {
      {with(llama_json(), {{"model_type", "mixtral"}}), "model_type = \"mixtral\""},
      {with(llama_json(), {{"hidden_act", "gelu"}}), "hidden_act = \"gelu\""},
      {with(llama_json(), {{"partial_rotary_factor", 0.25}}), "partial_rotary_factor = 0.25"},
      {with(llama_json(), {{"rope_scaling", yarn}}), "rope_scaling: rope_type = \"yarn\""},
      {with(llama_json(), {{"rope_parameters", partial}}), "partial_rotary_factor = 0.5"},
      {with(llama_json(), {{"rope_parameters", per_layer}}), "rope_parameters: full_attention"},
      {with(llama_json(), {{"quantization_config", {{"bits", 4}}}}), "quantization_config"},
      {with(llama_json(), {{"hidden_size", 65}}), "hidden_size = 65 is not a multiple"},
      {with(llama_json(), {{"num_key_value_heads", 3}}), "num_attention_heads = 8"},
      {with(llama_json(), {{"head_dim", 7}}), "head_dim = 7"},
      {with(llama_json(), {{"vocab_size", -1}}), "vocab_size is -1"},
      {with(llama_json(), {{"vocab_size", 1e30}}), "vocab_size"},
      {with(llama_json(), {{"rms_norm_eps", "1"}}), "rms_norm_eps"},
      {with(llama_json(), {{"hidden_size", nullptr}}), "key \"hidden_size\" is missing"},
      {with(gpt2_json(), {{"activation_function", "relu"}}), "activation_function = \"relu\""},
      {with(gpt2_json(), {{"scale_attn_by_inverse_layer_idx", true}}),
       "scale_attn_by_inverse_layer_idx = true"},
      {with(gpt2_json(), {{"scale_attn_weights", false}}), "scale_attn_weights = false"},
      {Json::array({1}), "config.json"},
  };
  for (const auto& [config, expected] : cases) {
    EXPECT_NE(error_of(config).find(expected), std::string::npos) << error_of(config);
    EXPECT_EQ(error_of(config).find('\n'), std::string::npos);
  }
  const auto twice = parse_hugging_face_config(R"({"model_type":"gpt2","model_type":"x"})", "c");
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.message().find("occurs twice"), std::string::npos);
}

TEST(HuggingFaceConfig, WritesEveryPresetSoThatItReadsBackTheSame) {
  for (const ModelPreset& preset : model_presets()) {
    const auto text = format_hugging_face_config(preset.config, {});
    ASSERT_TRUE(text.ok()) << text.message();
    const auto model = parse_hugging_face_config(*text, "written");
    ASSERT_TRUE(model.ok()) << model.message();
    EXPECT_EQ(*model, preset.config) << preset.name << "\n" << *text;
  }
  ModelConfig model = find_model_preset("llama-tiny")->config;
  model.rope_scaling = {.type = RopeScalingType::kLinear, .factor = 4};
  model.qkv_bias = model.output_bias = model.mlp_bias = true;
  EXPECT_EQ(parsed(parse_json(*format_hugging_face_config(model, {}), "text").value()), model);
  model = find_model_preset("qwen3-0.6b")->config;
  model.window = 100;
  EXPECT_EQ(parsed(parse_json(*format_hugging_face_config(model, {}), "text").value()), model);
}

TEST(HuggingFaceConfig, KeepsTheIdsOfSpecialTokens) {
  const ModelConfig model = parsed(llama_json());
  HuggingFaceConfigOptions options{.dtype = DType::kBF16, .end_tokens = {7}};
  Json written = parse_json(*format_hugging_face_config(model, options), "text").value();
  EXPECT_EQ(written["bos_token_id"], 7);
  EXPECT_EQ(written["eos_token_id"], 7);
  EXPECT_EQ(written["torch_dtype"], "bfloat16");
  options.original = R"({"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": null})";
  written = parse_json(*format_hugging_face_config(model, options), "text").value();
  EXPECT_EQ(written["bos_token_id"], 1);
  EXPECT_EQ(written["eos_token_id"], Json({2, 3, 7}));
  EXPECT_TRUE(written["pad_token_id"].is_null());
  options.end_tokens.clear();
  written = parse_json(*format_hugging_face_config(model, options), "text").value();
  EXPECT_EQ(written["eos_token_id"], Json({2, 3}));
  const Json generation = parse_json(*format_generation_config(options), "text").value();
  EXPECT_EQ(generation["eos_token_id"], Json({2, 3}));
  EXPECT_FALSE(generation.contains("pad_token_id"));
}

TEST(HuggingFaceConfig, SaysWhatNoModelTypeComputes) {
  ModelConfig model = find_model_preset("llama-tiny")->config;
  model.output_bias = true;
  EXPECT_NE(hugging_face_model_type(model).message().find("model.output_bias"), std::string::npos);
  model = find_model_preset("gpt2-tiny")->config;
  model.window = 5;
  EXPECT_NE(hugging_face_model_type(model).message().find("model.window"), std::string::npos);
}

}  // namespace
}  // namespace tutti
