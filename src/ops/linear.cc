// linear(x[..., in], w[out, in], bias[out]?) -> y[..., out], contracting the dims in `contract`.
//
// The contracted dims are the last of x and either the last of w (the usual weight) or its first
// (the input gradient, which is a linear of dy with the same weight). A weight of the usual layout
// may be BF16 beside an x in F32: it is widened exactly, and y is F32. linear_weight_grad contracts
// the first dims of both operands; bias_grad sums all dims but those in `keep`.
#include <algorithm>

#include "ops/all_ops.h"

namespace tutti {
namespace {

bool starts_with(const std::vector<Dim>& dims, const std::vector<Dim>& prefix) {
  return dims.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), dims.begin());
}

std::vector<Dim> joined(std::vector<Dim> a, const std::vector<Dim>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

InferredTypes infer_linear(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 3));
  const auto& contract = in.op().attributes.get_names("contract");
  const std::vector<Dim> inner = only(in.dims(0), contract);
  if (inner.size() != contract.size()) {
    return invalid("{}: %{} lacks a dim of contract=[{}]", in.where(), in.name(0),
                   fmt::join(contract, ", "));
  }
  TUTTI_TRY(in.expect_suffix(0, inner));
  const bool narrow = in.type(0).dtype == DType::kF32 && in.type(1).dtype == DType::kBF16;
  if (narrow || !starts_with(in.dims(1), inner)) TUTTI_TRY(in.expect_suffix(1, inner));
  if (!narrow) TUTTI_TRY(in.expect_dtype(1, in.type(0).dtype));
  const std::vector<Dim> out = without(in.dims(1), contract);
  if (in.count() == 3) {
    TUTTI_TRY(in.expect_dtype(2, in.type(0).dtype));
    TUTTI_TRY(in.expect_dims(2, out));
  }
  return std::vector<ValueType>{{in.type(0).dtype, joined(without(in.dims(0), contract), out)}};
}

void linear_gradient(GradientContext& c) {
  GraphBuilder& b = c.builder;
  const ValueId x = c.op.inputs[0], w = c.op.inputs[1], dy = c.output_grads[0];
  const auto& contract = c.op.attributes.get_names("contract");
  const auto out = dim_names(without(b.type(w).dims, contract));
  const auto rows = dim_names(without(b.type(x).dims, contract));
  if (c.wanted[0]) {
    c.input_grads[0] = b.emit(OpKind::kLinear, {dy, w}, {{"contract", out}}, c.grad_name(0));
  }
  if (c.wanted[1]) {
    c.input_grads[1] =
        b.emit(OpKind::kLinearWeightGrad, {dy, x}, {{"contract", rows}}, c.grad_name(1));
  }
  if (c.op.inputs.size() == 3 && c.wanted[2]) {
    c.input_grads[2] = b.emit(OpKind::kBiasGrad, {dy}, {{"keep", out}}, c.grad_name(2));
  }
}

InferredTypes infer_linear_weight_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  const auto& contract = in.op().attributes.get_names("contract");
  const std::vector<Dim> rows = only(in.dims(0), contract);
  if (!starts_with(in.dims(0), rows) || !starts_with(in.dims(1), rows)) {
    return invalid("{}: both operands must start with contract=[{}]", in.where(),
                   fmt::join(contract, ", "));
  }
  return std::vector<ValueType>{
      {in.type(0).dtype, joined(without(in.dims(0), contract), without(in.dims(1), contract))}};
}

InferredTypes infer_bias_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  const std::vector<Dim> kept = only(in.dims(0), in.op().attributes.get_names("keep"));
  TUTTI_TRY(in.expect_suffix(0, kept));
  return std::vector<ValueType>{{in.type(0).dtype, kept}};
}

InferredTypes infer_add_bias(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_suffix(0, in.dims(1)));
  return std::vector<ValueType>{in.type(0)};
}

// 2 m n k of the product: every output element takes a multiplication and an addition per
// contracted element.
double product_flops(const Graph& graph, const Op& op) {
  double contracted = 1;
  const Value& x = graph.value(op.inputs[0]);
  const std::vector<int64_t> sizes = local_sizes(x);
  for (const std::string& name : op.attributes.get_names("contract")) {
    contracted *= static_cast<double>(sizes[static_cast<size_t>(dim_index(x.type.dims, name))]);
  }
  return 2 * contracted * local_count(graph, op.outputs[0]);
}

double bias_grad_flops(const Graph& graph, const Op& op) {
  return local_count(graph, op.inputs[0]);
}

}  // namespace

std::vector<OpDef> linear_ops() {
  return {
      {.kind = OpKind::kLinear,
       .infer = infer_linear,
       .gradient = linear_gradient,
       .flops = product_flops,
       .place = PlaceRule::kReduce,
       .invariant_dims = "all but the contracted, at the canonical unit"},
      {.kind = OpKind::kLinearWeightGrad,
       .infer = infer_linear_weight_grad,
       .flops = product_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = "all but the contracted, at the canonical unit"},
      {.kind = OpKind::kBiasGrad,
       .infer = infer_bias_grad,
       .flops = bias_grad_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = "the kept dims"},
      {.kind = OpKind::kAddBias, .infer = infer_add_bias, .in_place = 1},
  };
}

}  // namespace tutti
