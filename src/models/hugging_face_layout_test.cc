#include "models/hugging_face_layout.h"

#include <gtest/gtest.h>

#include <map>

#include "models/model.h"
#include "models/presets.h"
#include "ops/op_def.h"

namespace tutti {
namespace {

std::vector<ModelConfig> models() {
  std::vector<ModelConfig> all;
  for (const char* name : {"gpt2-tiny", "llama-tiny"}) {
    all.push_back(find_model_preset(name)->config);
  }
  ModelConfig untied = all[0];
  untied.tied_embeddings = false;
  all.push_back(untied);
  ModelConfig biased = all[1];
  biased.qkv_bias = biased.output_bias = biased.mlp_bias = true;
  all.push_back(biased);
  ModelConfig normed = all[1];
  normed.qk_norm = true;
  normed.head_dim = 24;
  normed.tied_embeddings = false;
  all.push_back(normed);
  return all;
}

TEST(HuggingFaceLayout, HasEveryParameterOfTheModelWithItsSizes) {
  for (const ModelConfig& model : models()) {
    Graph graph;
    const OpTable ops;
    GraphBuilder builder(graph, ops);
    BuildOptions options;
    options.seq = 8;
    options.vocab_multiple = 1;
    const auto built = build_model(builder, model, options);
    ASSERT_TRUE(built.ok()) << built.message();
    std::map<std::string, Sizes> expected, actual;
    for (const ParameterInfo& info : built.value().parameters) {
      Sizes sizes;
      for (const Dim& dim : graph.value(info.value).type.dims) sizes.push_back(dim.size);
      expected[graph.value(info.value).name] = sizes;
    }
    const HuggingFaceLayout layout = hugging_face_layout(model);
    for (const HuggingFacePart& part : layout.parts) actual[part.parameter] = part.sizes;
    EXPECT_EQ(actual, expected);
    EXPECT_EQ(layout.parts.size(), expected.size());
  }
}

// The parts of a tensor neither overlap nor leave anything out.
TEST(HuggingFaceLayout, FillsEveryTensorOnce) {
  for (const ModelConfig& model : models()) {
    const HuggingFaceLayout layout = hugging_face_layout(model);
    std::vector<int64_t> rows(layout.tensors.size());
    for (const HuggingFacePart& part : layout.parts) {
      EXPECT_EQ(part.first_row, rows[part.tensor]) << part.parameter;
      rows[part.tensor] += part.rows;
      EXPECT_EQ(part.rows * part.columns, element_count(part.sizes));
    }
    for (const HuggingFacePart& part : layout.parts) {
      const Sizes& stored = layout.tensors[part.tensor].sizes;
      EXPECT_EQ(rows[part.tensor] * part.columns, element_count(stored)) << part.parameter;
    }
  }
}

TEST(HuggingFaceLayout, TransposesAndSplitsAsGpt2DoesIt) {
  const ModelConfig model = find_model_preset("gpt2-tiny")->config;  // embed 64
  const HuggingFaceLayout layout = hugging_face_layout(model);
  for (const HuggingFacePart& part : layout.parts) {
    if (part.parameter != "layers.1.attn.v.weight") continue;
    EXPECT_EQ(layout.tensors[part.tensor].name, "transformer.h.1.attn.c_attn.weight");
    EXPECT_EQ(layout.tensors[part.tensor].sizes, (Sizes{64, 192}));
    EXPECT_EQ(part.first_row, 128);
    EXPECT_TRUE(part.transposed);
    return;
  }
  FAIL() << "no such part";
}

TEST(HuggingFaceLayout, KnowsTheBuffersOfOldFiles) {
  const ModelConfig gpt2 = models()[0], llama = models()[1];
  EXPECT_TRUE(is_hugging_face_buffer(gpt2, "h.0.attn.bias"));
  EXPECT_TRUE(is_hugging_face_buffer(gpt2, "h.11.attn.masked_bias"));
  EXPECT_TRUE(is_hugging_face_buffer(llama, "layers.0.self_attn.rotary_emb.inv_freq"));
  EXPECT_FALSE(is_hugging_face_buffer(llama, "lm_head.weight"));
  EXPECT_FALSE(is_hugging_face_buffer(gpt2, "h.0.attn.c_attn.weight"));
  EXPECT_FALSE(is_hugging_face_buffer(llama, "score.weight"));
}

}  // namespace
}  // namespace tutti
