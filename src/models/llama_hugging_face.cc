// Llama, Mistral, Qwen2 and Qwen3 in Hugging Face's names: the same tensors, some of them optional.
#include "models/hugging_face_table.h"

namespace tutti {
namespace {

using enum Extent;

constexpr auto kQkvBias = [](const ModelConfig& m) { return m.qkv_bias; };
constexpr auto kOutputBias = [](const ModelConfig& m) { return m.output_bias; };
constexpr auto kMlpBias = [](const ModelConfig& m) { return m.mlp_bias; };
constexpr auto kQkNorm = [](const ModelConfig& m) { return m.qk_norm; };

constexpr HuggingFaceRow kFirst[] = {
    {"embed.weight", "embed_tokens.weight", kVocab, kEmbed},
};

constexpr HuggingFaceRow kLayer[] = {
    {"attn_norm.weight", "input_layernorm.weight", kEmbed},
    {"attn.q.weight", "self_attn.q_proj.weight", kQuery, kEmbed},
    {"attn.q.bias", "self_attn.q_proj.bias", kQuery, kNone, -1, false, kQkvBias},
    {"attn.k.weight", "self_attn.k_proj.weight", kKey, kEmbed},
    {"attn.k.bias", "self_attn.k_proj.bias", kKey, kNone, -1, false, kQkvBias},
    {"attn.v.weight", "self_attn.v_proj.weight", kKey, kEmbed},
    {"attn.v.bias", "self_attn.v_proj.bias", kKey, kNone, -1, false, kQkvBias},
    {"attn.q_norm.weight", "self_attn.q_norm.weight", kHeadDim, kNone, -1, false, kQkNorm},
    {"attn.k_norm.weight", "self_attn.k_norm.weight", kHeadDim, kNone, -1, false, kQkNorm},
    {"attn.o.weight", "self_attn.o_proj.weight", kEmbed, kQuery},
    {"attn.o.bias", "self_attn.o_proj.bias", kEmbed, kNone, -1, false, kOutputBias},
    {"mlp_norm.weight", "post_attention_layernorm.weight", kEmbed},
    {"mlp.gate.weight", "mlp.gate_proj.weight", kMlp, kEmbed},
    {"mlp.gate.bias", "mlp.gate_proj.bias", kMlp, kNone, -1, false, kMlpBias},
    {"mlp.up.weight", "mlp.up_proj.weight", kMlp, kEmbed},
    {"mlp.up.bias", "mlp.up_proj.bias", kMlp, kNone, -1, false, kMlpBias},
    {"mlp.down.weight", "mlp.down_proj.weight", kEmbed, kMlp},
    {"mlp.down.bias", "mlp.down_proj.bias", kEmbed, kNone, -1, false, kMlpBias},
};

constexpr HuggingFaceRow kLast[] = {
    {"final_norm.weight", "norm.weight", kEmbed},
};

constexpr std::string_view kBuffers[] = {"rotary_emb.inv_freq"};

constexpr HuggingFaceTable kTable = {"model.", "layers.",        kFirst,  kLayer,
                                     kLast,    "lm_head.weight", kBuffers};

}  // namespace

const HuggingFaceTable& llama_hugging_face() { return kTable; }

}  // namespace tutti
