// linear_cross_entropy(x[..., d], w[vocab, d], labels[...]) {vocab_valid} -> loss[], lse[...]: the
// sum over labelled tokens of log-sum-exp(logits) - logit[label], logits = x w^T, of which only a
// chunk exists at a time. A label < 0 is ignored. Rows of w past vocab_valid are padding, and
// masked.
//
// The gradient recomputes logits from lse; linear_cross_entropy_fused makes loss and gradients in
// one pass (one product less) where the vocabulary is not cut. Where it is, the loss expands to
// logits_stats, reductions, rescale_sum and cross_entropy_from_stats (Megatron-LM's scheme,
// Shoeybi et al. 2019, section 3).
#include "ops/all_ops.h"

namespace tutti {
namespace {

Status check_loss_inputs(const OpInputs& in, size_t x_at) {
  const auto& x = in.dims(x_at);
  const auto& w = in.dims(x_at + 1);
  if (x.empty() || w.size() != 2 || x.back() != w[1]) {
    return invalid("{}: expected %{} to end with the last dim of %{}[vocab, embed]", in.where(),
                   in.name(x_at), in.name(x_at + 1));
  }
  TUTTI_TRY(in.expect_dtype(x_at + 2, DType::kI32));
  return in.expect_dims(x_at + 2, {x.data(), x.size() - 1});
}

InferredTypes infer_loss(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(check_loss_inputs(in, 0));
  return std::vector<ValueType>{{DType::kF32, {}}, {DType::kF32, in.dims(2)}};
}

void loss_gradient(GradientContext& c) {
  const auto& in = c.op.inputs;
  const auto grads = c.builder.emit(OpKind::kLinearCrossEntropyGrad,
                                    {c.output_grads[0], in[0], in[1], in[2], c.op.outputs[1]},
                                    c.op.attributes, std::vector{c.grad_name(0), c.grad_name(1)});
  c.input_grads[0] = grads[0];
  c.input_grads[1] = grads[1];
}

InferredTypes infer_loss_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(5, 5));
  TUTTI_TRY(check_loss_inputs(in, 1));
  TUTTI_TRY(in.expect_dims(4, in.dims(3)));
  return std::vector<ValueType>{in.type(1), in.type(2)};
}

InferredTypes infer_fused(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(4, 4));
  TUTTI_TRY(check_loss_inputs(in, 1));
  return std::vector<ValueType>{{DType::kF32, {}}, in.type(1), in.type(2)};
}

InferredTypes infer_stats(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(check_loss_inputs(in, 0));
  const ValueType per_token{DType::kF32, in.dims(2)};
  return std::vector<ValueType>{per_token, per_token, per_token};
}

// rescale_sum(sum, local_max, max) -> sum * exp(local_max - max)
InferredTypes infer_rescale(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(in.expect_same_type(1, 0));
  TUTTI_TRY(in.expect_same_type(2, 0));
  return std::vector<ValueType>{in.type(0)};
}

// cross_entropy_from_stats(max, sum, label_logit, labels) -> loss[], lse
InferredTypes infer_from_stats(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(4, 4));
  TUTTI_TRY(in.expect_same_type(1, 0));
  TUTTI_TRY(in.expect_same_type(2, 0));
  TUTTI_TRY(in.expect_dims(3, in.dims(0)));
  return std::vector<ValueType>{{DType::kF32, {}}, in.type(0)};
}

// One product of all tokens with the local rows of w: 2 * tokens * rows * embed.
double product(const Graph& graph, ValueId x, ValueId w) {
  const std::vector<int64_t> rows = local_sizes(graph.value(w));
  return 2 * local_count(graph, x) * static_cast<double>(rows[0]);
}

double loss_flops(const Graph& graph, const Op& op) {
  return product(graph, op.inputs[0], op.inputs[1]);
}
double three_products(const Graph& graph, const Op& op) {
  return 3 * product(graph, op.inputs[1], op.inputs[2]);
}

}  // namespace

std::vector<OpDef> cross_entropy_ops() {
  const std::string_view tokens = "the tokens' dims, except for the loss and the weight gradient";
  return {
      {.kind = OpKind::kLinearCrossEntropy,
       .infer = infer_loss,
       .gradient = loss_gradient,
       .flops = loss_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = tokens},
      {.kind = OpKind::kLinearCrossEntropyGrad,
       .infer = infer_loss_grad,
       .flops = three_products,
       .place = PlaceRule::kReduce,
       .accumulates = 2,
       .invariant_dims = tokens},
      {.kind = OpKind::kLinearCrossEntropyFused,
       .infer = infer_fused,
       .flops = three_products,
       .place = PlaceRule::kReduce,
       .accumulates = 5,
       .invariant_dims = tokens},
      {.kind = OpKind::kLogitsStats,
       .infer = infer_stats,
       .flops = loss_flops,
       .place = PlaceRule::kStats,
       .invariant_dims = tokens},
      {.kind = OpKind::kRescaleSum, .infer = infer_rescale, .place = PlaceRule::kStats},
      {.kind = OpKind::kCrossEntropyFromStats,
       .infer = infer_from_stats,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = tokens},
  };
}

}  // namespace tutti
