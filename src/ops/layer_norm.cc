// layer_norm(x[..., d], w[d], b[d]) {epsilon} -> y, mean[...], rstd[...]: y = (x - mean) * rstd * w
// + b (Ba et al. 2016). The gradients of input and of weight and bias are ops of their own. The
// input gradient takes an optional addend, the gradient that flows past the norm.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_layer_norm(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(in.expect_suffix(0, in.dims(1)));
  TUTTI_TRY(in.expect_same_type(2, 1));
  const ValueType statistics{DType::kF32, without(in.dims(0), dim_names(in.dims(1)))};
  return std::vector<ValueType>{in.type(0), statistics, statistics};
}

void layer_norm_gradient(GradientContext& c) {
  GraphBuilder& b = c.builder;
  const ValueId x = c.op.inputs[0], w = c.op.inputs[1];
  const ValueId mean = c.op.outputs[1], rstd = c.op.outputs[2], dy = c.output_grads[0];
  if (c.wanted[0]) {
    c.input_grads[0] =
        b.emit(OpKind::kLayerNormInputGrad, {dy, x, w, mean, rstd}, {}, c.grad_name(0));
  }
  if (c.wanted[1] || c.wanted[2]) {
    const auto grads = b.emit(OpKind::kLayerNormWeightGrad, {dy, x, mean, rstd}, {},
                              std::vector{c.grad_name(1), c.grad_name(2)});
    c.input_grads[1] = grads[0];
    c.input_grads[2] = grads[1];
  }
}

InferredTypes infer_layer_norm_input_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(5, 6));
  TUTTI_TRY(in.expect_same_type(1, 0));
  TUTTI_TRY(in.expect_suffix(0, in.dims(2)));
  if (in.count() == 6) TUTTI_TRY(in.expect_same_type(5, 0));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_layer_norm_weight_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(4, 4));
  TUTTI_TRY(in.expect_same_type(1, 0));
  const ValueType type{in.type(0).dtype, without(in.dims(0), dim_names(in.dims(2)))};
  return std::vector<ValueType>{type, type};
}

double layer_norm_flops(const Graph& graph, const Op& op) {
  return 6 * local_count(graph, op.inputs[0]);
}

}  // namespace

std::vector<OpDef> layer_norm_ops() {
  return {
      {.kind = OpKind::kLayerNorm,
       .infer = infer_layer_norm,
       .gradient = layer_norm_gradient,
       .flops = layer_norm_flops,
       .cheap = true,
       .invariant_dims = "all but the normalised"},
      {.kind = OpKind::kLayerNormInputGrad,
       .infer = infer_layer_norm_input_grad,
       .flops = layer_norm_flops,
       .in_place = 1 | 1 << 5,
       .invariant_dims = "all but the normalised"},
      {.kind = OpKind::kLayerNormWeightGrad,
       .infer = infer_layer_norm_weight_grad,
       .flops = layer_norm_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 3,
       .invariant_dims = "the normalised"},
  };
}

}  // namespace tutti
