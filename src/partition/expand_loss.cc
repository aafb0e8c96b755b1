// Where the vocabulary is cut, the loss becomes statistics of the local rows and their reductions:
//
//   max, sum, label_logit = logits_stats(x, w, labels)      by local rows
//   sum'                  = rescale_sum(sum, max, reduced max)
//   loss, lse             = cross_entropy_from_stats(reduced max, reduced sum', reduced
//   label_logit)
//
// The reductions themselves are inserted by `place`. The gradient needs only lse, and stays.
#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {

Status expand_loss(Graph& graph, const PassContext& context) {
  std::vector<Op> old = std::move(graph.ops);
  graph.ops.clear();
  GraphBuilder builder(graph, context.ops);
  for (Op& op : old) {
    const bool loss = op.kind == OpKind::kLinearCrossEntropy;
    if (!loss || axes_of_dim(context.plan, graph.value(op.inputs[1]).type.dims[0]).empty()) {
      graph.ops.push_back(std::move(op));
      continue;
    }
    builder.scope_of(op);
    const std::string name = graph.value(op.outputs[1]).name;
    const auto stats = builder.emit(
        OpKind::kLogitsStats, {op.inputs[0], op.inputs[1], op.inputs[2]}, op.attributes,
        std::vector{name + ".max", name + ".sum", name + ".label_logit"});
    const ValueId sum = builder.emit(OpKind::kRescaleSum, {stats[1], stats[0], stats[0]}, {},
                                     name + ".sum.rescaled");
    op.kind = OpKind::kCrossEntropyFromStats;
    op.inputs = {stats[0], sum, stats[2], op.inputs[2]};
    op.attributes = {};
    graph.ops.push_back(std::move(op));
  }
  return builder.status();
}

}  // namespace tutti
