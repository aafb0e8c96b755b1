// Every kind of operation, with its name in the textual form. To add an op, add a row here, its
// facets in ops/ and its kernel in kernels/ (docs/adding-an-op.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tutti {

enum class OpKind : uint8_t {
  // Model
  kLinear,
  kAddBias,
  kEmbedding,
  kRmsNorm,
  kLayerNorm,
  kRope,
  kAttention,
  kSwiglu,
  kGelu,
  kAdd,
  kDropout,
  kRelabel,
  kLinearCrossEntropy,
  // Gradients
  kLinearWeightGrad,
  kBiasGrad,
  kEmbeddingGrad,
  kRmsNormInputGrad,
  kRmsNormWeightGrad,
  kLayerNormInputGrad,
  kLayerNormWeightGrad,
  kAttentionGrad,
  kSwigluGrad,
  kGeluGrad,
  kLinearCrossEntropyGrad,
  kLinearCrossEntropyFused,
  // Vocabulary-parallel expansion
  kLogitsStats,
  kRescaleSum,
  kCrossEntropyFromStats,
  // Context-parallel expansion
  kAttentionMerge,
  // Step
  kAccumulate,
  kCountLabels,
  kReciprocal,
  kScale,
  kSumSquares,
  kClipFactor,
  kAdamW,
  // Storage
  kBucketView,
  kBucketPack,
  kSettle,
  kFetch,
  kStore,
  // Serving
  kCacheAppend,
  kTakePosition,
  // Communication
  kSlice,
  kMask,
  kAllToAll,
  kReduceScatter,
  kAllReduce,
  kAllGather,
  kRingShift,
  kTransfer,
  kReplicaSum,
};

inline constexpr std::array kOpNames = std::to_array<std::string_view>({
    "linear",
    "add_bias",
    "embedding",
    "rms_norm",
    "layer_norm",
    "rope",
    "attention",
    "swiglu",
    "gelu",
    "add",
    "dropout",
    "relabel",
    "linear_cross_entropy",
    "linear_weight_grad",
    "bias_grad",
    "embedding_grad",
    "rms_norm_input_grad",
    "rms_norm_weight_grad",
    "layer_norm_input_grad",
    "layer_norm_weight_grad",
    "attention_grad",
    "swiglu_grad",
    "gelu_grad",
    "linear_cross_entropy_grad",
    "linear_cross_entropy_fused",
    "logits_stats",
    "rescale_sum",
    "cross_entropy_from_stats",
    "attention_merge",
    "accumulate",
    "count_labels",
    "reciprocal",
    "scale",
    "sum_squares",
    "clip_factor",
    "adamw",
    "bucket_view",
    "bucket_pack",
    "settle",
    "fetch",
    "store",
    "cache_append",
    "take_position",
    "slice",
    "mask",
    "all_to_all",
    "reduce_scatter",
    "all_reduce",
    "all_gather",
    "ring_shift",
    "transfer",
    "replica_sum",
});
inline constexpr size_t kOpKindCount = kOpNames.size();
static_assert(kOpKindCount == static_cast<size_t>(OpKind::kReplicaSum) + 1);

constexpr std::string_view op_name(OpKind kind) { return kOpNames[static_cast<size_t>(kind)]; }

constexpr std::optional<OpKind> parse_op_kind(std::string_view name) {
  for (size_t i = 0; i < kOpKindCount; ++i) {
    if (kOpNames[i] == name) return static_cast<OpKind>(i);
  }
  return std::nullopt;
}

// replica_sum adds locally; over several stages it becomes an all_reduce.
constexpr bool is_communication(OpKind kind) {
  return kind >= OpKind::kAllToAll && kind != OpKind::kReplicaSum;
}

// Between the device's memory and where offloaded values are.
constexpr bool is_copy(OpKind kind) { return kind == OpKind::kFetch || kind == OpKind::kStore; }

}  // namespace tutti
