// Cases of the ops that models are made of. Sizes are odd, so that vectors have tails.
#include "kernels/op_cases_test.h"

namespace tutti {
namespace {

using Names = std::vector<std::string>;

std::vector<OpCase> linear_cases() {
  return {
      {OpKind::kLinear,
       "plain",
       {"f32[batch=2, seq=3, embed=37]", "f32[mlp=19, embed=37]"},
       {{"contract", Names{"embed"}}}},
      {OpKind::kLinear,
       "heads_with_bias",
       {"f32[batch=2, seq=3, embed=33]", "f32[kv_heads=2, head_dim=5, embed=33]",
        "f32[kv_heads=2, head_dim=5]"},
       {{"contract", Names{"embed"}}}},
      {OpKind::kLinear,
       "contracts_heads",
       {"f32[batch=2, seq=5, kv_heads=2, group=3, head_dim=7]",
        "f32[embed=17, kv_heads=2, group=3, head_dim=7]", "f32[embed=17]"},
       {{"contract", Names{"kv_heads", "group", "head_dim"}}}},
      {.kind = OpKind::kLinear,
       .name = "input_gradient",
       .inputs = {"f32[batch=2, seq=3, mlp=19]", "f32[mlp=19, embed=37]"},
       .attributes = {{"contract", Names{"mlp"}}},
       .differentiable = false},
      {OpKind::kLinear,
       "one_token",
       {"f32[batch=1, embed=3]", "f32[vocab=5, embed=3]"},
       {{"contract", Names{"embed"}}}},
      {.kind = OpKind::kLinear,
       .name = "bf16_weight",
       .inputs = {"f32[batch=2, seq=3, embed=37]", "bf16[mlp=19, embed=37]"},
       .attributes = {{"contract", Names{"embed"}}},
       .differentiable = false},
      {.kind = OpKind::kLinear,
       .name = "bf16_weight_one_token",
       .inputs = {"f32[batch=1, kv_heads=2, head_dim=35]",
                  "bf16[embed=41, kv_heads=2, head_dim=35]", "f32[embed=41]"},
       .attributes = {{"contract", Names{"kv_heads", "head_dim"}}},
       .differentiable = false},
      {OpKind::kAddBias, "rows", {"f32[batch=3, seq=5, embed=37]", "f32[embed=37]"}},
      {OpKind::kAddBias, "one_row", {"f32[embed=5]", "f32[embed=5]"}},
      // Ids past the table are another rank's.
      {OpKind::kEmbedding,
       "ids_elsewhere",
       {{"i32[batch=2, seq=9]", 0, 19}, "f32[vocab=13, embed=37]"}},
      {.kind = OpKind::kEmbedding,
       .name = "bf16_table",
       .inputs = {{"i32[batch=2, seq=9]", 0, 19}, "bf16[vocab=13, embed=37]"},
       .differentiable = false},
      {OpKind::kEmbedding,
       "heads",
       {{"i32[batch=2, seq=3]", 0, 4}, "f32[vocab=5, kv_heads=2, head_dim=3]"}},
  };
}

std::vector<OpCase> norm_and_rope_cases() {
  const char* q = "f32[batch=2, seq=3, kv_heads=2, group=3, head_dim=10]";
  return {
      {OpKind::kRmsNorm,
       "odd",
       {"f32[batch=2, seq=5, embed=37]", "f32[embed=37]"},
       {{"epsilon", 1e-5}}},
      {OpKind::kRmsNorm,
       "wide",
       {"f32[batch=3, embed=160]", "f32[embed=160]"},
       {{"epsilon", 1e-6}}},
      {OpKind::kRmsNorm, "heads", {q, "f32[head_dim=10]"}, {{"epsilon", 1e-6}}},
      {OpKind::kLayerNorm,
       "odd",
       {"f32[batch=2, seq=5, embed=37]", "f32[embed=37]", "f32[embed=37]"},
       {{"epsilon", 1e-5}}},
      {OpKind::kRope, "grouped", {q, {"i32[batch=2, seq=3]", 0, 4000}}, {{"theta", 10000.0}}},
      {OpKind::kRope,
       "inverse",
       {q, {"i32[batch=2, seq=3]", 0, 4000}},
       {{"theta", 10000.0}, {"inverse", true}}},
      {OpKind::kRope,
       "llama3",
       {"f32[batch=2, seq=5, kv_heads=3, head_dim=64]", {"i32[batch=2, seq=5]", 0, 100000}},
       {{"theta", 500000.0},
        {"factor", 8.0},
        {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0},
        {"original_context", int64_t{8192}}}},
      {OpKind::kRope,
       "linear",
       {q, {"i32[batch=2, seq=3]", 0, 4000}},
       {{"theta", 10000.0}, {"factor", 2.5}, {"linear", true}}},
  };
}

std::vector<OpCase> attention_cases() {
  const char* q = "f32[batch=2, seq=9, kv_heads=2, group=3, head_dim=8]";
  const char* k = "f32[batch=2, seq=9, kv_heads=2, head_dim=8]";
  const char* cache = "f32[batch=2, context=21, kv_heads=3, head_dim=8]";
  return {
      {OpKind::kAttention, "grouped", {q, k, k}, {{"causal", true}, {"scale", 0.35}}},
      {OpKind::kAttention, "not_causal", {q, k, k}, {{"causal", false}, {"scale", 0.35}}},
      {OpKind::kAttention,
       "default_scale_window",
       {q, k, k},
       {{"causal", true}, {"window", int64_t{4}}}},
      {OpKind::kAttention,
       "segments",
       {q, k, k, {"i32[batch=2, seq=9]", 0, 2}, {"i32[batch=2, seq=9]", 0, 2}},
       {{"causal", true}, {"scale", 0.35}}},
      {OpKind::kAttention,
       "dropout",
       {q, k, k, {"i64[]", 3, 3}},
       {{"causal", true},
        {"scale", 0.35},
        {"dropout", 0.25},
        {"seed", int64_t{7}},
        {"key", int64_t{-12345}}}},
      {OpKind::kAttention,
       "dropout_segments",
       {q, k, k, {"i32[batch=2, seq=9]", 0, 2}, {"i32[batch=2, seq=9]", 0, 2}, {"i64[]", 5, 5}},
       {{"causal", true}, {"dropout", 0.25}, {"seed", int64_t{7}}, {"key", int64_t{1}}}},
      {OpKind::kAttention,
       "zigzag",
       {"f32[batch=2, seq=16, kv_heads=2, group=3, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, head_dim=8]",
        {"i32[batch=2, seq=16]", 0, 1},
        {"i32[batch=2, seq=16]", 0, 1}},
       {{"causal", true}, {"scale", 0.35}, {"order", int64_t{2}}}},
      {OpKind::kAttention,
       "several_tiles",
       {"f32[batch=1, seq=131, kv_heads=1, group=2, head_dim=33]",
        "f32[batch=1, seq=131, kv_heads=1, head_dim=33]",
        "f32[batch=1, seq=131, kv_heads=1, head_dim=33]"},
       {{"causal", true}, {"scale", 0.17}}},
      {.kind = OpKind::kAttention,
       .name = "decode",
       .inputs = {"f32[batch=2, seq=1, kv_heads=3, group=2, head_dim=8]",
                  cache,
                  cache,
                  {"i32[]", 12, 12}},
       .attributes = {{"causal", true}, {"scale", 0.35}},
       .differentiable = false},
      {.kind = OpKind::kAttention,
       .name = "continue_prompt",
       .inputs =
           {"f32[batch=2, seq=4, kv_heads=3, group=2, head_dim=8]", cache, cache, {"i32[]", 5, 5}},
       .attributes = {{"causal", true}, {"scale", 0.35}},
       .differentiable = false},
  };
}

std::vector<OpCase> elementwise_cases() {
  const char* x = "f32[batch=3, seq=53, mlp=61]";  // more than two blocks of threads
  const char* small = "f32[batch=3, seq=5]";
  const Attributes dropout{{"p", 0.25}, {"seed", int64_t{7}}, {"key", int64_t{-12345}}};
  return {
      {OpKind::kAdd, "blocks", {x, x}},
      {OpKind::kAdd, "small", {small, small}},
      {OpKind::kGelu, "blocks", {x}},
      {OpKind::kSwiglu, "blocks", {x, x}},
      {OpKind::kDropout, "three_dims", {x, {"i64[]", 3, 3}}, dropout},
      {OpKind::kDropout, "two_dims", {small, {"i64[]", 0, 0}}, dropout},
      {.kind = OpKind::kDropout,
       .name = "four_dims",
       .inputs = {"f32[batch=2, seq=3, heads=5, head_dim=7]", {"i64[]", 9, 9}},
       .attributes = dropout,
       .uncut = {"head_dim"}},  // must be whole
      {OpKind::kDropout,
       "zigzag",
       {"f32[batch=3, seq=12, mlp=7]", {"i64[]", 4, 4}},
       {{"p", 0.25}, {"seed", int64_t{7}}, {"key", int64_t{-12345}}, {"order", int64_t{2}}}},
      {.kind = OpKind::kRelabel,
       .name = "seq",
       .inputs = {"f32[batch=2, seq=3, embed=5]"},
       .attributes = {{"from", "seq"}, {"to", "stream_seq"}},
       .uncut = {"stream_seq"}},  // its name is another in the input
  };
}

std::vector<OpCase> loss_cases() {
  const char* x = "f32[batch=2, seq=7, embed=17]";
  const char* w = "f32[vocab=23, embed=17]";
  return {
      {OpKind::kLinearCrossEntropy,
       "padded_with_ignored",
       {x, w, {"i32[batch=2, seq=7]", -4, 18}},
       {{"vocab_valid", int64_t{19}}}},
      {OpKind::kLinearCrossEntropy,
       "all_ignored",
       {x, w, {"i32[batch=2, seq=7]", -1, -1}},
       {{"vocab_valid", int64_t{23}}}},
  };
}

}  // namespace

std::vector<OpCase> model_op_cases() {
  std::vector<OpCase> all;
  for (auto* group :
       {linear_cases, norm_and_rope_cases, attention_cases, elementwise_cases, loss_cases}) {
    for (OpCase& op_case : group()) all.push_back(std::move(op_case));
  }
  return all;
}

}  // namespace tutti
