// add, gelu (tanh form, Hendrycks and Gimpel 2016), swiglu (silu(gate) * up; Shazeer 2020), their
// gradients, and relabel, which renames dims and is the identity on one rank.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_unary(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_binary(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_same_type(1, 0));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_swiglu_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(in.expect_same_type(1, 0));
  TUTTI_TRY(in.expect_same_type(2, 0));
  return std::vector<ValueType>{in.type(0), in.type(0)};
}

void add_gradient(GradientContext& c) {
  c.input_grads[0] = c.input_grads[1] = c.output_grads[0];
}

void gelu_gradient(GradientContext& c) {
  c.input_grads[0] = c.builder.emit(OpKind::kGeluGrad, {c.output_grads[0], c.op.inputs[0]}, {},
                                    c.grad_name(0));
}

void swiglu_gradient(GradientContext& c) {
  const auto grads =
      c.builder.emit(OpKind::kSwigluGrad, {c.output_grads[0], c.op.inputs[0], c.op.inputs[1]}, {},
                     std::vector{c.grad_name(0), c.grad_name(1)});
  c.input_grads = grads;
}

InferredTypes infer_relabel(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  ValueType type = in.type(0);
  const std::string from = in.op().attributes.get_string("from");
  const int d = dim_index(type.dims, from);
  if (d < 0) return invalid("{}: %{} has no dim {}", in.where(), in.name(0), from);
  type.dims[static_cast<size_t>(d)].name = in.op().attributes.get_string("to");
  return std::vector<ValueType>{type};
}

void relabel_gradient(GradientContext& c) {
  const Attributes& a = c.op.attributes;
  c.input_grads[0] =
      c.builder.emit(OpKind::kRelabel, {c.output_grads[0]},
                     {{"from", a.get_string("to")}, {"to", a.get_string("from")}}, c.grad_name(0));
}

double gelu_flops(const Graph& graph, const Op& op) { return 10 * local_count(graph, op.outputs[0]); }

}  // namespace

std::vector<OpDef> elementwise_ops() {
  return {
      {.kind = OpKind::kAdd,
       .infer = infer_binary,
       .gradient = add_gradient,
       .place = PlaceRule::kAdd,
       .in_place = 3},
      {.kind = OpKind::kGelu,
       .infer = infer_unary,
       .gradient = gelu_gradient,
       .flops = gelu_flops,
       .cheap = true,
       .in_place = 1},
      {.kind = OpKind::kGeluGrad, .infer = infer_binary, .flops = gelu_flops, .in_place = 3},
      {.kind = OpKind::kSwiglu,
       .infer = infer_binary,
       .gradient = swiglu_gradient,
       .flops = gelu_flops,
       .cheap = true,
       .in_place = 3},
      {.kind = OpKind::kSwigluGrad, .infer = infer_swiglu_grad, .flops = gelu_flops, .in_place = 7},
      {.kind = OpKind::kRelabel,
       .infer = infer_relabel,
       .gradient = relabel_gradient,
       .place = PlaceRule::kRelabel,
       .cheap = true,
       .view = true},
  };
}

}  // namespace tutti
