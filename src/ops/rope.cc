// rope(x[batch, seq, ..., head_dim], positions[batch, seq]) {theta, factor, linear, low_freq_factor,
// high_freq_factor, original_context, inverse} -> y: rotates the pairs (i, i + head_dim/2) of each
// head by position * frequency_i (Su et al. 2021). factor > 1 divides frequencies: with `linear` all
// of them (Chen et al. 2023), else as Llama 3 does.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_rope(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dtype(1, DType::kI32));
  const auto& x = in.dims(0);
  const auto& positions = in.dims(1);
  if (x.size() <= positions.size() || !std::equal(positions.begin(), positions.end(), x.begin())) {
    return invalid("{}: %{} must start with the dims of the positions %{}", in.where(), in.name(0),
                   in.name(1));
  }
  if (x.back().size % 2 != 0) {
    return invalid("{}: {} = {} of %{} must be even", in.where(), x.back().name, x.back().size,
                   in.name(0));
  }
  return std::vector<ValueType>{in.type(0)};
}

void rope_gradient(GradientContext& c) {
  if (!c.wanted[0]) return;
  Attributes attributes = c.op.attributes;
  attributes.set("inverse", !attributes.get_bool("inverse"));
  c.input_grads[0] =
      c.builder.emit(OpKind::kRope, {c.output_grads[0], c.op.inputs[1]}, attributes, c.grad_name(0));
}

double rope_flops(const Graph& graph, const Op& op) { return 3 * local_count(graph, op.inputs[0]); }

}  // namespace

std::vector<OpDef> rope_ops() {
  return {{.kind = OpKind::kRope,
           .infer = infer_rope,
           .gradient = rope_gradient,
           .flops = rope_flops,
           .in_place = 1,
           .invariant_dims = "all but head_dim"}};
}

}  // namespace tutti
