// Attention over positions that are cut over cp.
//
// In a ring every rank keeps its queries, and keys and values go around: at step s a rank has those
// of the rank s before it (Liu, Zaharia and Abbeel, "Ring Attention", 2023). The results over the
// parts are merged by log-sum-exp. In backward the gradients of keys and values travel with them
// and arrive at home with one more step. Gathered and exchanged keys (gather, ulysses) are
// placements, and `place`'s work; here the op only learns in which order positions lie.
#include <algorithm>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

// Keys, values and, where documents share a sample, the keys' segments, as they go around.
struct Keys {
  std::vector<ValueId> parts;
};

class RingExpander {
 public:
  RingExpander(Graph& graph, const PassContext& context)
      : graph_(graph),
        builder_(graph, context.ops),
        axes_(to_string(context.plan.mesh.whole(Axis::kCp))),
        steps_(context.plan.mesh.size(Axis::kCp)) {}

  Status run() {
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    for (Op& op : old) {
      builder_.scope_of(op);
      if (op.kind == OpKind::kAttention)
        forward(op);
      else if (op.kind == OpKind::kAttentionGrad)
        backward(op);
      else
        graph_.ops.push_back(std::move(op));
    }
    return builder_.status();
  }

 private:
  // The inputs of an attention op: what is in front of the keys, the keys, and what is behind them.
  static constexpr size_t kForwardKeys = 1, kBackwardKeys = 2;

  Keys keys_of(const Op& op, size_t first) const {
    Keys keys{{op.inputs[first], op.inputs[first + 1]}};
    if (segments_at(op) != 0) keys.parts.push_back(op.inputs[segments_at(op) + 1]);
    return keys;
  }

  // Where the segments of queries and keys are; 0 without them.
  size_t segments_at(const Op& op) const {
    const bool drops = op.attributes.get_double("dropout") > 0;
    const size_t plain = op.kind == OpKind::kAttention ? 3 : 6;
    return op.inputs.size() - (drops ? 1 : 0) == plain + 2 ? plain : 0;
  }

  std::vector<ValueId> with_keys(const Op& op, size_t first, const Keys& keys) const {
    std::vector<ValueId> inputs = op.inputs;
    inputs[first] = keys.parts[0];
    inputs[first + 1] = keys.parts[1];
    if (segments_at(op) != 0) inputs[segments_at(op) + 1] = keys.parts[2];
    return inputs;
  }

  ValueId shifted(ValueId id) {
    return builder_.emit(OpKind::kRingShift, {id}, {{"axes", axes_}},
                         graph_.value(id).name + ".next");
  }

  Keys shifted(const Keys& keys) {
    Keys next;
    for (ValueId id : keys.parts) next.parts.push_back(shifted(id));
    return next;
  }

  Attributes at_step(const Op& op, int64_t step) const {
    Attributes attributes = op.attributes;
    attributes.set("key_shift", step);
    return attributes;
  }

  // The outputs of `op` become those of the last op of the ring.
  void forward(const Op& op) {
    const std::string name = graph_.value(op.outputs[0]).name;
    Keys keys = keys_of(op, kForwardKeys);
    std::vector<ValueId> sum;
    for (int step = 0; step < steps_; ++step) {
      // Sent before it is computed with, so that the two run at the same time.
      const Keys next = step + 1 < steps_ ? shifted(keys) : Keys();
      const auto part = builder_.emit(
          OpKind::kAttention, with_keys(op, kForwardKeys, keys), at_step(op, step),
          std::vector{fmt::format("{}.part{}", name, step), fmt::format("{}.lse{}", name, step)});
      sum = step == 0 ? part
                      : builder_.emit(OpKind::kAttentionMerge, {sum[0], sum[1], part[0], part[1]},
                                      {}, std::vector{name + ".merged", name + ".merged.lse"});
      keys = next;
    }
    graph_.ops.back().outputs = op.outputs;
  }

  void backward(const Op& op) {
    const std::string name = graph_.value(op.outputs[0]).name;
    Keys keys = keys_of(op, kBackwardKeys);
    std::vector<ValueId> sum;  // of dq here, of dk and dv for the rank whose keys are here
    for (int step = 0; step < steps_; ++step) {
      const Keys next = step + 1 < steps_ ? shifted(keys) : Keys();
      std::vector<std::string> names;
      for (ValueId id : op.outputs) {
        names.push_back(fmt::format("{}.part{}", graph_.value(id).name, step));
      }
      const auto part = builder_.emit(OpKind::kAttentionGrad, with_keys(op, kBackwardKeys, keys),
                                      at_step(op, step), names);
      if (step == 0) {
        sum = part;
      } else {
        const ValueId before[] = {sum[0], shifted(sum[1]), shifted(sum[2])};
        for (size_t i = 0; i < 3; ++i) {
          sum[i] = builder_.emit(OpKind::kAdd, {before[i], part[i]}, {},
                                 graph_.value(op.outputs[i]).name + ".sum");
        }
      }
      keys = next;
    }
    take_over(sum[0], op.outputs[0]);
    for (size_t i = 1; i < 3; ++i) take_over(shifted(sum[i]), op.outputs[i]);
  }

  // The op that makes `made` makes `wanted` in its place.
  void take_over(ValueId made, ValueId wanted) {
    for (Op& op : graph_.ops) {
      std::replace(op.inputs.begin(), op.inputs.end(), made, wanted);
      std::replace(op.outputs.begin(), op.outputs.end(), made, wanted);
    }
  }

  Graph& graph_;
  GraphBuilder builder_;
  std::string axes_;
  int steps_;
};

void tell_order(Graph& graph, int64_t parts) {
  for (Op& op : graph.ops) {
    const bool positional = op.kind == OpKind::kAttention || op.kind == OpKind::kAttentionGrad ||
                            op.kind == OpKind::kDropout;
    if (positional) op.attributes.set("order", parts);
  }
}

}  // namespace

Status expand_attention(Graph& graph, const PassContext& context) {
  if (context.plan.mesh.size(Axis::kCp) == 1) return {};
  if (context.plan.seq_order() > 1) tell_order(graph, context.plan.seq_order());
  if (context.plan.context_parallel != ContextParallel::kRing) return {};
  return RingExpander(graph, context).run();
}

}  // namespace tutti
