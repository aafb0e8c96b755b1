// Removes ops whose results nobody reads: no output of theirs is read, updates storage or is an
// output of the graph.
#include "partition/pass.h"

namespace tutti {

Status drop_unused(Graph& graph, const PassContext&) {
  std::vector<bool> used(graph.values.size(), false);
  for (ValueId id : graph.outputs) used[static_cast<size_t>(id.index)] = true;
  std::vector<Op> kept;
  for (size_t i = graph.ops.size(); i-- > 0;) {
    Op& op = graph.ops[i];
    bool needed = false;
    for (ValueId id : op.outputs) {
      needed = needed || used[static_cast<size_t>(id.index)] || graph.value(id).updates.valid();
    }
    if (!needed) continue;
    for (ValueId id : op.inputs) used[static_cast<size_t>(id.index)] = true;
    kept.push_back(std::move(op));
  }
  graph.ops.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  return {};
}

}  // namespace tutti
