// rms_norm(x[..., d], w[d]) {epsilon} -> y, rstd[...]: y = x * rstd * w, rstd = 1/sqrt(mean(x^2) +
// eps) (Zhang and Sennrich 2019). The gradients of input and weight are ops of their own. The input
// gradient takes an optional addend, the gradient that flows past the norm.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_rms_norm(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_suffix(0, in.dims(1)));
  const ValueType statistics{DType::kF32, without(in.dims(0), dim_names(in.dims(1)))};
  return std::vector<ValueType>{in.type(0), statistics};
}

void rms_norm_gradient(GradientContext& c) {
  GraphBuilder& b = c.builder;
  const ValueId x = c.op.inputs[0], w = c.op.inputs[1], rstd = c.op.outputs[1];
  const ValueId dy = c.output_grads[0];
  if (c.wanted[0]) {
    c.input_grads[0] = b.emit(OpKind::kRmsNormInputGrad, {dy, x, w, rstd}, {}, c.grad_name(0));
  }
  if (c.wanted[1]) {
    c.input_grads[1] = b.emit(OpKind::kRmsNormWeightGrad, {dy, x, rstd}, {}, c.grad_name(1));
  }
}

InferredTypes infer_rms_norm_input_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(4, 5));
  TUTTI_TRY(in.expect_same_type(1, 0));
  TUTTI_TRY(in.expect_suffix(0, in.dims(2)));
  if (in.count() == 5) TUTTI_TRY(in.expect_same_type(4, 0));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_rms_norm_weight_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(in.expect_same_type(1, 0));
  return std::vector<ValueType>{{in.type(0).dtype, without(in.dims(0), dim_names(in.dims(2)))}};
}

double rms_norm_flops(const Graph& graph, const Op& op) {
  return 4 * local_count(graph, op.inputs[0]);
}

}  // namespace

std::vector<OpDef> rms_norm_ops() {
  return {
      {.kind = OpKind::kRmsNorm,
       .infer = infer_rms_norm,
       .gradient = rms_norm_gradient,
       .flops = rms_norm_flops,
       .cheap = true,
       .invariant_dims = "all but the normalised"},
      {.kind = OpKind::kRmsNormInputGrad,
       .infer = infer_rms_norm_input_grad,
       .flops = rms_norm_flops,
       .in_place = 1 | 1 << 4,
       .invariant_dims = "all but the normalised"},
      {.kind = OpKind::kRmsNormWeightGrad,
       .infer = infer_rms_norm_weight_grad,
       .flops = rms_norm_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = "the normalised"},
  };
}

}  // namespace tutti
