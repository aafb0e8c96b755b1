// Cases of the gradients and of the parts of a loss over a cut vocabulary. What a forward op would
// have left (lse, rstd) is random here: an op is a function of its operands alone.
#include "kernels/op_cases_test.h"

namespace tutti {
namespace {

using Names = std::vector<std::string>;

const char* const kX = "f32[batch=2, seq=5, embed=37]";
const char* const kW = "f32[embed=37]";

CaseInput per_token(double low, double high) { return {"f32[batch=2, seq=5]", low, high}; }

std::vector<OpCase> linear_cases() {
  return {
      {OpKind::kLinearWeightGrad,
       "heads",
       {"f32[batch=2, seq=5, kv_heads=3, head_dim=4]", "f32[batch=2, seq=5, embed=17]"},
       {{"contract", Names{"batch", "seq"}}}},
      {OpKind::kLinearWeightGrad,
       "many_rows",
       {"f32[batch=3, seq=101, mlp=9]", "f32[batch=3, seq=101, embed=17]"},
       {{"contract", Names{"batch", "seq"}}}},
      {OpKind::kBiasGrad, "rows", {"f32[batch=3, seq=101, mlp=37]"}, {{"keep", Names{"mlp"}}}},
      {OpKind::kBiasGrad,
       "heads",
       {"f32[batch=2, seq=5, kv_heads=3, head_dim=4]"},
       {{"keep", Names{"kv_heads", "head_dim"}}}},
      {OpKind::kEmbeddingGrad,
       "repeated_and_elsewhere",
       {{"i32[batch=2, seq=40]", 0, 16}, "f32[batch=2, seq=40, embed=37]"},
       {{"rows", "vocab"}, {"row_count", int64_t{13}}}},
  };
}

std::vector<OpCase> norm_cases() {
  const CaseInput rstd = per_token(0.5, 2), mean = per_token(-1, 1);
  const char* q = "f32[batch=2, seq=3, kv_heads=2, group=3, head_dim=10]";
  const CaseInput head_rstd{"f32[batch=2, seq=3, kv_heads=2, group=3]", 0.5, 2};
  return {
      {OpKind::kRmsNormInputGrad, "odd", {kX, kX, kW, rstd}},
      {OpKind::kRmsNormInputGrad, "with_residual", {kX, kX, kW, rstd, kX}},
      {OpKind::kRmsNormWeightGrad, "odd", {kX, kX, rstd}},
      {OpKind::kRmsNormInputGrad, "heads", {q, q, "f32[head_dim=10]", head_rstd}},
      {OpKind::kRmsNormWeightGrad, "heads", {q, q, head_rstd}},
      {OpKind::kLayerNormInputGrad, "odd", {kX, kX, kW, mean, rstd}},
      {OpKind::kLayerNormInputGrad, "with_residual", {kX, kX, kW, mean, rstd, kX}},
      {OpKind::kLayerNormWeightGrad, "odd", {kX, kX, mean, rstd}},
  };
}

std::vector<OpCase> attention_cases() {
  const char* q = "f32[batch=2, seq=9, kv_heads=2, group=3, head_dim=8]";
  const char* k = "f32[batch=2, seq=9, kv_heads=2, head_dim=8]";
  const CaseInput lse{"f32[batch=2, kv_heads=2, group=3, seq=9]", 2, 4};
  return {
      {OpKind::kAttentionGrad,
       "grouped",
       {q, q, k, k, q, lse},
       {{"causal", true}, {"scale", 0.35}}},
      {OpKind::kAttentionGrad,
       "not_causal",
       {q, q, k, k, q, lse},
       {{"causal", false}, {"scale", 0.35}}},
      {OpKind::kAttentionGrad,
       "segments",
       {q, q, k, k, q, lse, {"i32[batch=2, seq=9]", 0, 2}, {"i32[batch=2, seq=9]", 0, 2}},
       {{"causal", true}, {"scale", 0.35}}},
      {OpKind::kAttentionGrad,
       "dropout",
       {q, q, k, k, q, lse, {"i64[]", 3, 3}},
       {{"causal", true},
        {"scale", 0.35},
        {"dropout", 0.25},
        {"seed", int64_t{7}},
        {"key", int64_t{-12345}}}},
      {OpKind::kAttentionGrad,
       "zigzag",
       {"f32[batch=2, seq=16, kv_heads=2, group=3, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, group=3, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, head_dim=8]",
        "f32[batch=2, seq=16, kv_heads=2, group=3, head_dim=8]",
        {"f32[batch=2, kv_heads=2, group=3, seq=16]", 2, 4}},
       {{"causal", true}, {"scale", 0.35}, {"order", int64_t{4}}}},
      {OpKind::kAttentionMerge, "grouped", {q, lse, q, lse}},
      {OpKind::kAttentionGrad,
       "window",
       {q, q, k, k, q, lse},
       {{"causal", true}, {"window", int64_t{4}}}},
  };
}

std::vector<OpCase> elementwise_cases() {
  const char* x = "f32[batch=3, seq=53, mlp=61]";
  return {
      {OpKind::kGeluGrad, "blocks", {x, x}},
      {OpKind::kSwigluGrad, "blocks", {x, x, x}},
  };
}

std::vector<OpCase> loss_cases() {
  const char* w = "f32[vocab=23, embed=37]";
  const CaseInput seed{"f32[]", 0.25, 0.25}, labels{"i32[batch=2, seq=5]", -4, 18};
  const Attributes padded{{"vocab_valid", int64_t{19}}};
  return {
      // Small logits: with an lse that is not theirs, large ones would make probabilities of a
      // thousand.
      {OpKind::kLinearCrossEntropyGrad,
       "padded",
       {seed, {kX, -0.5, 0.5}, w, labels, per_token(4, 6)},
       padded},
      {OpKind::kLinearCrossEntropyFused, "padded", {seed, kX, w, labels}, padded},
      {OpKind::kLinearCrossEntropyFused,
       "all_ignored",
       {seed, kX, w, {"i32[batch=2, seq=5]", -1, -1}},
       padded},
      {OpKind::kLogitsStats, "padded", {kX, w, labels}, padded},
      {OpKind::kRescaleSum, "scaled", {per_token(0.1, 5), per_token(-3, 0), per_token(0, 3)}},
      {OpKind::kCrossEntropyFromStats,
       "ignored",
       {per_token(-1, 1), per_token(1, 5), per_token(-1, 1), labels}},
  };
}

}  // namespace

std::vector<OpCase> gradient_op_cases() {
  std::vector<OpCase> all;
  for (auto* group : {linear_cases, norm_cases, attention_cases, elementwise_cases, loss_cases}) {
    for (OpCase& op_case : group()) all.push_back(std::move(op_case));
  }
  return all;
}

}  // namespace tutti
