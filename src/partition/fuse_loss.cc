// Makes loss and its gradients in one op, where the whole vocabulary is on the rank: the logits are
// then formed once a step instead of twice. Not when backward is split, since the weight gradient
// would run in the forward body.
#include "partition/pass.h"

namespace tutti {
namespace {

bool vocabulary_is_cut(const Graph& graph, const PassContext& context, const Op& loss) {
  const ValueType& w = graph.value(loss.inputs[1]).type;
  return !axes_of_dim(context.plan, w.dims[0]).empty();
}

// The gradient op of `loss`, found by its log-sum-exp; -1 when the graph has none.
int64_t gradient_of(const Graph& graph, const Op& loss) {
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (op.kind == OpKind::kLinearCrossEntropyGrad && op.inputs[4] == loss.outputs[1]) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

Op fused(const Op& loss, const Op& gradient) {
  Op op = loss;
  op.kind = OpKind::kLinearCrossEntropyFused;
  op.inputs = {gradient.inputs[0], loss.inputs[0], loss.inputs[1], loss.inputs[2]};
  op.outputs = {loss.outputs[0], gradient.outputs[0], gradient.outputs[1]};
  return op;
}

}  // namespace

Status fuse_loss(Graph& graph, const PassContext& context) {
  if (context.plan.split_backward) return {};
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op loss = graph.ops[i];
    if (loss.kind != OpKind::kLinearCrossEntropy) continue;
    const int64_t at = gradient_of(graph, loss);
    if (at < 0 || vocabulary_is_cut(graph, context, loss)) continue;
    const Op gradient = graph.op(OpId(at));
    graph.ops.erase(graph.ops.begin() + at);
    graph.ops[i] = fused(loss, gradient);
    // The accumulation of the weight gradient moves along, so that it can be folded into the op.
    for (size_t j = i + 1; j < graph.ops.size(); ++j) {
      Op& op = graph.ops[j];
      if (op.kind != OpKind::kAccumulate || op.inputs[1] != gradient.outputs[1]) continue;
      Op moved = op;
      moved.phase = Phase::kForward;
      graph.ops.erase(graph.ops.begin() + static_cast<int64_t>(j));
      graph.ops.insert(graph.ops.begin() + static_cast<int64_t>(i) + 1, moved);
    }
  }
  return {};
}

}  // namespace tutti
