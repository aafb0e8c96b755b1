#include "parity/models.h"

#include <numeric>

namespace tutti {
namespace {

ModelConfig small_model() {
  ModelConfig config;
  config.layers = 2;
  config.embed = 32;
  config.heads = 8;
  config.head_dim = 4;
  config.vocab = 61;
  config.context = kParitySeq;
  return config;
}

}  // namespace

ParityModel parity_gpt2() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kGpt2;
  config.kv_heads = 8;
  config.mlp = 64;
  config.tied_embeddings = true;
  config.dropout = 0.1;
  config.attention_dropout = 0.1;
  return {"gpt2", config};
}

ParityModel parity_llama() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kLlama;
  config.kv_heads = 2;
  config.mlp = 48;
  config.tied_embeddings = false;
  return {"llama", config};
}

Plan for_model(Plan plan, const ModelConfig& model) {
  plan.tp_kv_heads =
      static_cast<int32_t>(std::gcd<int64_t>(plan.mesh.size(Axis::kTp), model.kv_heads));
  return plan;
}

}  // namespace tutti
