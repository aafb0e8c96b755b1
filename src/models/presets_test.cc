#include "models/presets.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tutti {
namespace {

struct Published {
  std::string_view name;
  int64_t parameters;  // as the checkpoints on Hugging Face hold them
};

TEST(ModelPresets, HaveThePublishedNumberOfParameters) {
  constexpr Published kPublished[] = {
      {"gpt2-124m", 124'439'808},         {"gpt2-355m", 354'823'168},
      {"gpt2-774m", 774'030'080},         {"gpt2-1558m", 1'557'611'200},
      {"tinyllama-1.1b", 1'100'048'384},  {"llama2-7b", 6'738'415'616},
      {"llama2-13b", 13'015'864'320},     {"llama2-70b", 68'976'648'192},
      {"llama3-8b", 8'030'261'248},       {"llama3-70b", 70'553'706'496},
      {"llama3.1-405b", 405'853'388'800}, {"llama3.2-1b", 1'235'814'400},
      {"llama3.2-3b", 3'212'749'824},     {"smollm2-135m", 134'515'008},
      {"smollm2-360m", 361'821'120},      {"smollm2-1.7b", 1'711'376'384},
      {"qwen2.5-0.5b", 494'032'768},      {"qwen2.5-1.5b", 1'543'714'304},
      {"qwen2.5-7b", 7'615'616'512},      {"mistral-7b", 7'241'732'096},
      {"mistral-7b-v0.3", 7'248'023'552}, {"qwen3-0.6b", 596'049'920},
      {"qwen3-1.7b", 1'720'574'976},      {"qwen3-4b", 4'022'468'096},
      {"qwen3-8b", 8'190'735'360},        {"qwen3-14b", 14'768'307'200},
      {"qwen3-32b", 32'762'123'264},
  };
  for (const Published& published : kPublished) {
    const ModelPreset* preset = find_model_preset(published.name);
    ASSERT_NE(preset, nullptr) << published.name;
    EXPECT_EQ(parameter_count(preset->config), published.parameters) << published.name;
  }
}

TEST(ModelPresets, HaveNamesThatDiffer) {
  std::set<std::string_view> names;
  for (const ModelPreset& preset : model_presets()) {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
  }
}

TEST(ModelPresets, DivideHeadsEvenly) {
  for (const ModelPreset& preset : model_presets()) {
    const ModelConfig& config = preset.config;
    EXPECT_EQ(config.heads % config.kv_heads, 0) << preset.name;
    // Qwen3 chose the width of a head by itself.
    if (config.qk_norm) continue;
    EXPECT_EQ(config.heads * config.head_dim, config.embed) << preset.name;
  }
}

TEST(ModelPresets, AreNotFoundByAnUnknownName) { EXPECT_EQ(find_model_preset("gpt5"), nullptr); }

}  // namespace
}  // namespace tutti
