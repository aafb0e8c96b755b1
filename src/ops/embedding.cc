// embedding(ids[...], w[rows, d...]) -> y[..., d...]: row ids[i] of w. When `rows` is cut, each rank
// fills the rows that it holds and leaves zeros elsewhere: the sum over ranks is the result. Rows of a
// BF16 table are widened: y is F32.
// embedding_grad(ids, dy) -> dw[rows, d...] adds each token's gradient to its row in token order.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_embedding(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dtype(0, DType::kI32));
  if (in.dims(1).size() < 2) {
    return invalid("{}: the table %{} needs a dim of rows and at least one more", in.where(),
                   in.name(1));
  }
  const DType dtype = in.type(1).dtype == DType::kBF16 ? DType::kF32 : in.type(1).dtype;
  ValueType type{dtype, in.dims(0)};
  type.dims.insert(type.dims.end(), in.dims(1).begin() + 1, in.dims(1).end());
  return std::vector<ValueType>{type};
}

void embedding_gradient(GradientContext& c) {
  if (!c.wanted[1]) return;
  const Dim rows = c.builder.type(c.op.inputs[1]).dims[0];
  c.input_grads[1] = c.builder.emit(OpKind::kEmbeddingGrad, {c.op.inputs[0], c.output_grads[0]},
                                    {{"rows", rows.name}, {"row_count", rows.size}}, c.grad_name(1));
}

InferredTypes infer_embedding_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dtype(0, DType::kI32));
  const Attributes& attributes = in.op().attributes;
  ValueType type{in.type(1).dtype, {{attributes.get_string("rows"), attributes.get_int("row_count")}}};
  for (const Dim& dim : without(in.dims(1), dim_names(in.dims(0)))) type.dims.push_back(dim);
  return std::vector<ValueType>{type};
}

double embedding_grad_flops(const Graph& graph, const Op& op) {
  return local_count(graph, op.inputs[1]);
}

}  // namespace

std::vector<OpDef> embedding_ops() {
  return {
      {.kind = OpKind::kEmbedding,
       .infer = infer_embedding,
       .gradient = embedding_gradient,
       .place = PlaceRule::kReduce},
      {.kind = OpKind::kEmbeddingGrad,
       .infer = infer_embedding_grad,
       .flops = embedding_grad_flops,
       .place = PlaceRule::kReduce,
       .accumulates = 1,
       .invariant_dims = "all but those of the ids"},
  };
}

}  // namespace tutti
