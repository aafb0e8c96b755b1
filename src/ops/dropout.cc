// dropout(x[batch, ...], step[]) {p, seed, key, order} -> y: zero with probability p, else
// x / (1 - p).
//
// The random number of an element is keyed by (seed, step, key) and counted by its global index in
// the step's whole batch, so it is the same in every layout. With order > 1 the second dim, seq or
// stream_seq, lies in zigzag order of so many parts (collective/seq_order.h), and its logical
// positions count. The gradient is the same op on dy: no mask is kept.
#include "ops/all_ops.h"

namespace tutti {
namespace {

Status check_order(const OpInputs& in) {
  const auto& dims = in.dims(0);
  const bool fits = dims.size() > 1 && (dims[1].name == "seq" || dims[1].name == "stream_seq");
  if (fits) return in.expect_order(dims[1]);
  return invalid("{}: order is that of seq or stream_seq, expected as the second dim of %{}",
                 in.where(), in.name(0));
}

InferredTypes infer_dropout(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dtype(1, DType::kI64));
  TUTTI_TRY(in.expect_dims(1, {}));
  const double p = in.op().attributes.get_double("p");
  if (!(p >= 0 && p < 1)) return invalid("{}: p = {}, expected 0 <= p < 1", in.where(), p);
  if (in.op().attributes.get_int("order", 1) != 1) TUTTI_TRY(check_order(in));
  return std::vector<ValueType>{in.type(0)};
}

void dropout_gradient(GradientContext& c) {
  c.input_grads[0] = c.builder.emit(OpKind::kDropout, {c.output_grads[0], c.op.inputs[1]},
                                    c.op.attributes, c.grad_name(0));
}

}  // namespace

std::vector<OpDef> dropout_ops() {
  return {{.kind = OpKind::kDropout,
           .infer = infer_dropout,
           .gradient = dropout_gradient,
           .cheap = true,
           .in_place = 1}};
}

}  // namespace tutti
