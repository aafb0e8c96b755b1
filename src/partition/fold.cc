// fold_accumulation: an op that makes a gradient adds it straight into the accumulator, where its
// kernel can; the `accumulate` op goes. Also decides, for all updates of one accumulator in a
// microbatch, which one comes first and so writes on the first microbatch.
//
// fold_residuals: the gradient that flows past a norm is added by the norm's own gradient kernel.
#include <algorithm>
#include <unordered_map>

#include "partition/pass.h"

namespace tutti {
namespace {

int index_of(const std::vector<ValueId>& ids, ValueId id) {
  const auto at = std::find(ids.begin(), ids.end(), id);
  return at == ids.end() ? -1 : static_cast<int>(at - ids.begin());
}

// Where the addend of an accumulate op can be made in place of it.
bool can_fold(const Graph& graph, const PassContext& context, const Op& op, const Op& maker,
              size_t output, size_t readers) {
  const ValueId addend = op.inputs[1];
  const bool kernel_adds = context.ops[maker.kind].accumulates >> output & 1u;
  return kernel_adds && maker.kind != OpKind::kAccumulate && readers == 1 &&
         body_index(maker, context.plan) == body_index(op, context.plan) &&
         graph.value(addend).placement == graph.value(op.inputs[0]).placement;
}

// The order of execution within a microbatch: bodies in turn, ops in order.
std::vector<size_t> body_order(const Graph& graph, const PassContext& context) {
  std::vector<size_t> order;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (graph.ops[i].region == Region::kBody) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return body_index(graph.ops[a], context.plan) < body_index(graph.ops[b], context.plan);
  });
  return order;
}

// kAfterFirst when every accumulator that the op updates is new to the microbatch, kAlways when
// none is. An op with some of each is a bug: its kernel has one flag.
Accumulation mode_of(const Graph& graph, const Op& op, std::unordered_map<ValueId, int>& seen) {
  Accumulation mode = Accumulation::kNone;
  for (ValueId id : op.outputs) {
    const ValueId storage = graph.value(id).updates;
    if (!storage.valid() || graph.value(storage).role != Role::kAccumulator) continue;
    const Accumulation here =
        seen[storage]++ == 0 ? Accumulation::kAfterFirst : Accumulation::kAlways;
    TUTTI_CHECK(mode == Accumulation::kNone || mode == here, "mixed accumulation in %{}",
                graph.op_label(op));
    mode = here;
  }
  return mode;
}

}  // namespace

Status fold_accumulation(Graph& graph, const PassContext& context) {
  const auto made_by = producers(graph);
  const auto readers = consumers(graph);
  std::vector<bool> gone(graph.ops.size(), false);
  std::vector<bool> adds(graph.ops.size(), false);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (op.kind != OpKind::kAccumulate) continue;
    adds[i] = true;
    const ValueId addend = op.inputs[1];
    const OpId maker_id = made_by[static_cast<size_t>(addend.index)];
    if (!maker_id.valid()) continue;
    Op& maker = graph.op(maker_id);
    const size_t output = static_cast<size_t>(index_of(maker.outputs, addend));
    if (!can_fold(graph, context, op, maker, output,
                  readers[static_cast<size_t>(addend.index)].size())) {
      continue;
    }
    maker.outputs[output] = op.outputs[0];
    adds[static_cast<size_t>(maker_id.index)] = true;
    gone[i] = true;
  }
  std::unordered_map<ValueId, int> seen;
  for (size_t i : body_order(graph, context)) {
    if (adds[i] && !gone[i]) graph.ops[i].accumulation = mode_of(graph, graph.ops[i], seen);
  }
  std::vector<Op> kept;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(graph.ops[i]));
  }
  graph.ops = std::move(kept);
  return {};
}

Status fold_residuals(Graph& graph, const PassContext& context) {
  const auto made_by = producers(graph);
  const auto readers = consumers(graph);
  std::vector<bool> gone(graph.ops.size(), false);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op add = graph.ops[i];
    if (add.kind != OpKind::kAdd) continue;
    for (size_t side : {1u, 0u}) {
      const ValueId grad = add.inputs[side], addend = add.inputs[1 - side];
      const OpId maker_id = made_by[static_cast<size_t>(grad.index)];
      const OpId addend_id = made_by[static_cast<size_t>(addend.index)];
      if (!maker_id.valid() || readers[static_cast<size_t>(grad.index)].size() != 1) continue;
      Op& maker = graph.op(maker_id);
      const bool norm = (maker.kind == OpKind::kRmsNormInputGrad && maker.inputs.size() == 4) ||
                        (maker.kind == OpKind::kLayerNormInputGrad && maker.inputs.size() == 5);
      const bool ready = !addend_id.valid() || addend_id < maker_id;
      if (!norm || !ready || graph.value(grad).placement != graph.value(addend).placement ||
          body_index(maker, context.plan) != body_index(add, context.plan)) {
        continue;
      }
      maker.inputs.push_back(addend);
      maker.outputs[0] = add.outputs[0];
      gone[i] = true;
      break;
    }
  }
  std::vector<Op> kept;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(graph.ops[i]));
  }
  graph.ops = std::move(kept);
  return {};
}

}  // namespace tutti
