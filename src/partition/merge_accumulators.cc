// A parameter that is used twice on one stage (tied embeddings) needs one accumulator, not two: the
// later use adds to what the earlier one wrote.
#include <algorithm>

#include "partition/pass.h"

namespace tutti {
namespace {

void redirect(Graph& graph, ValueId from, ValueId to) {
  for (Op& op : graph.ops) {
    std::replace(op.inputs.begin(), op.inputs.end(), from, to);
    for (ValueId id : op.outputs) {
      if (graph.value(id).updates == from) graph.value(id).updates = to;
    }
  }
}

// Removes values that nothing mentions any more; ids stay valid because the value keeps its place
// as an unused temporary.
void retire(Graph& graph, ValueId id) { graph.value(id).role = Role::kTemporary; }

}  // namespace

Status merge_accumulators(Graph& graph, const PassContext&) {
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (graph.ops[i].kind != OpKind::kReplicaSum) continue;
    Op& sum = graph.ops[i];
    for (size_t a = 0; a < sum.inputs.size(); ++a) {
      for (size_t b = sum.inputs.size(); b-- > a + 1;) {
        const ValueId kept = sum.inputs[a], merged = sum.inputs[b];
        if (graph.value(kept).stage != graph.value(merged).stage) continue;
        sum.inputs.erase(sum.inputs.begin() + static_cast<int64_t>(b));
        sum.outputs.erase(sum.outputs.begin() + static_cast<int64_t>(b));
        redirect(graph, merged, kept);
        retire(graph, merged);
      }
    }
    if (sum.inputs.size() > 1) continue;
    const ValueId total = sum.outputs[0], accumulator = sum.inputs[0];
    graph.ops.erase(graph.ops.begin() + static_cast<int64_t>(i--));
    redirect(graph, total, accumulator);
  }
  return {};
}

}  // namespace tutti
