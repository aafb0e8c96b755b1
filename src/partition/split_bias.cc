// A linear whose contracted dims are cut makes a partial sum: its bias may be added only once,
// after the reduction. The bias becomes an op of its own, behind the relabel that brings the result
// into the residual stream, so that the reduction can be a reduce_scatter.
#include <algorithm>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

bool contracts_cut_dim(const Graph& graph, const PassContext& context, const Op& op) {
  const ValueType& x = graph.value(op.inputs[0]).type;
  const Placement placement = placement_by_rules(context.plan, x.dims);
  for (const std::string& name : op.attributes.get_names("contract")) {
    if (!placement.dims[static_cast<size_t>(dim_index(x.dims, name))].empty()) return true;
  }
  return false;
}

void replace_inputs(std::vector<Op>& ops, size_t first, ValueId from, ValueId to) {
  for (size_t i = first; i < ops.size(); ++i) {
    std::replace(ops[i].inputs.begin(), ops[i].inputs.end(), from, to);
  }
}

}  // namespace

Status split_bias(Graph& graph, const PassContext& context) {
  std::vector<Op> old = std::move(graph.ops);
  graph.ops.clear();
  GraphBuilder builder(graph, context.ops);
  std::vector<std::pair<ValueId, ValueId>> pending;  // relabelled or plain result -> bias to add
  for (size_t i = 0; i < old.size(); ++i) {
    Op op = old[i];
    if (op.kind == OpKind::kLinear && op.inputs.size() == 3 &&
        contracts_cut_dim(graph, context, op)) {
      pending.push_back({op.outputs[0], op.inputs[2]});
      op.inputs.pop_back();
    }
    graph.ops.push_back(op);
    if (pending.empty()) continue;
    // Directly behind the linear comes its relabel into the stream, if the model has one.
    const bool next_relabels = i + 1 < old.size() && old[i + 1].kind == OpKind::kRelabel &&
                               old[i + 1].inputs[0] == pending.back().first;
    if (next_relabels) {
      pending.back().first = old[i + 1].outputs[0];
      continue;
    }
    builder.scope_of(op);
    const auto [result, bias] = pending.back();
    pending.pop_back();
    const ValueId sum =
        builder.emit(OpKind::kAddBias, {result, bias}, {}, graph.value(result).name + ".biased");
    replace_inputs(old, i + 1, result, sum);
  }
  return builder.status();
}

}  // namespace tutti
