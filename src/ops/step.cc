// What a step needs besides the model: gradient accumulation, the token count, the global norm and
// the optimizer's update.
#include "ops/all_ops.h"

namespace tutti {
namespace {

constexpr ValueType scalar(DType dtype) { return ValueType{dtype, {}}; }

// accumulate(accumulator, x): writes x on the first microbatch, adds on later ones.
InferredTypes infer_accumulate(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_same_type(1, 0));
  return std::vector<ValueType>{in.type(0)};
}

// count_labels(labels[...]): how many are not negative, as f32 (exact to 2^24).
InferredTypes infer_count(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  TUTTI_TRY(in.expect_dtype(0, DType::kI32));
  return std::vector<ValueType>{scalar(DType::kF32)};
}

// reciprocal(x): 1/x, and 0 for 0 (a step without labels changes nothing).
InferredTypes infer_reciprocal(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  return std::vector<ValueType>{in.type(0)};
}

// scale(x, factor[])
InferredTypes infer_scale(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dims(1, {}));
  return std::vector<ValueType>{in.type(0)};
}

// sum_squares(x1, x2, ...): over every element of every input, in f64.
InferredTypes infer_sum_squares(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, SIZE_MAX));
  return std::vector<ValueType>{scalar(DType::kF64)};
}

// clip_factor(sum_of_squares[]) {max_norm} -> factor, norm, skip: factor = min(1, max_norm / (norm
// + 1e-6)) as torch.nn.utils.clip_grad_norm_; max_norm = 0 never clips. skip = 1 when the norm is
// not finite: the optimizer then changes nothing.
InferredTypes infer_clip_factor(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  TUTTI_TRY(in.expect_dtype(0, DType::kF64));
  return std::vector<ValueType>(3, scalar(DType::kF32));
}

// adamw(p, m, v, grad, factor, skip, lr, bias_correction1, bias_correction2) -> p, m, v. Of a
// bucket {decay_begins, decay_ends} are the ranges of its {bucket_elements} on one rank that decay.
// Of a rank's {part_elements} that are updated in pieces {piece} is where this one begins and
// {piece_elements} its size.
InferredTypes infer_adamw(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(9, 9));
  for (size_t i : {1u, 2u, 3u}) TUTTI_TRY(in.expect_same_type(i, 0));
  for (size_t i = 4; i < 9; ++i) TUTTI_TRY(in.expect_dims(i, {}));
  return std::vector<ValueType>(3, in.type(0));
}

double adamw_flops(const Graph& graph, const Op& op) {
  return 12 * local_count(graph, op.inputs[0]);
}

double sum_squares_flops(const Graph& graph, const Op& op) {
  double flops = 0;
  for (ValueId id : op.inputs) flops += 2 * local_count(graph, id);
  return flops;
}

}  // namespace

std::vector<OpDef> step_ops() {
  return {
      {.kind = OpKind::kAccumulate,
       .infer = infer_accumulate,
       .place = PlaceRule::kAccumulate,
       .accumulates = 1},
      {.kind = OpKind::kCountLabels, .infer = infer_count, .place = PlaceRule::kReduce},
      {.kind = OpKind::kReciprocal, .infer = infer_reciprocal, .in_place = 1},
      {.kind = OpKind::kScale, .infer = infer_scale, .in_place = 1},
      {.kind = OpKind::kSumSquares,
       .infer = infer_sum_squares,
       .flops = sum_squares_flops,
       .place = PlaceRule::kSumSquares},
      {.kind = OpKind::kClipFactor, .infer = infer_clip_factor},
      {.kind = OpKind::kAdamW,
       .infer = infer_adamw,
       .flops = adamw_flops,
       .place = PlaceRule::kUpdate},
  };
}

}  // namespace tutti
