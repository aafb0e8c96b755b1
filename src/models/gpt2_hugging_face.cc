// GPT-2 in Hugging Face's names. Its linear layers are Conv1D: weights stored [in, out]; queries,
// keys and values are thirds of one tensor.
#include "models/hugging_face_table.h"

namespace tutti {
namespace {

using enum Extent;

constexpr HuggingFaceRow kFirst[] = {
    {"embed.weight", "wte.weight", kVocab, kEmbed},
    {"position.weight", "wpe.weight", kContext, kEmbed},
};

constexpr HuggingFaceRow kLayer[] = {
    {"attn_norm.weight", "ln_1.weight", kEmbed},
    {"attn_norm.bias", "ln_1.bias", kEmbed},
    {"attn.q.weight", "attn.c_attn.weight", kQuery, kEmbed, 0, true},
    {"attn.q.bias", "attn.c_attn.bias", kQuery, kNone, 0},
    {"attn.k.weight", "attn.c_attn.weight", kKey, kEmbed, 1, true},
    {"attn.k.bias", "attn.c_attn.bias", kKey, kNone, 1},
    {"attn.v.weight", "attn.c_attn.weight", kKey, kEmbed, 2, true},
    {"attn.v.bias", "attn.c_attn.bias", kKey, kNone, 2},
    {"attn.o.weight", "attn.c_proj.weight", kEmbed, kQuery, -1, true},
    {"attn.o.bias", "attn.c_proj.bias", kEmbed},
    {"mlp_norm.weight", "ln_2.weight", kEmbed},
    {"mlp_norm.bias", "ln_2.bias", kEmbed},
    {"mlp.up.weight", "mlp.c_fc.weight", kMlp, kEmbed, -1, true},
    {"mlp.up.bias", "mlp.c_fc.bias", kMlp},
    {"mlp.down.weight", "mlp.c_proj.weight", kEmbed, kMlp, -1, true},
    {"mlp.down.bias", "mlp.c_proj.bias", kEmbed},
};

constexpr HuggingFaceRow kLast[] = {
    {"final_norm.weight", "ln_f.weight", kEmbed},
    {"final_norm.bias", "ln_f.bias", kEmbed},
};

constexpr std::string_view kBuffers[] = {".attn.bias", ".attn.masked_bias"};

constexpr HuggingFaceTable kTable = {"transformer.",   "h.",    kFirst, kLayer, kLast,
                                     "lm_head.weight", kBuffers};

}  // namespace

const HuggingFaceTable& gpt2_hugging_face() { return kTable; }

}  // namespace tutti
