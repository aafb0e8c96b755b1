// Backward repeats what is cheap (norms, activations, relabels) from what it keeps anyway, instead
// of keeping the result: the stash then holds only what gradient rules need of the expensive ops.
// A relabel is always repeated, so that a gathered value is never kept for backward.
#include <map>
#include <unordered_set>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

class Recompute {
 public:
  Recompute(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), builder_(graph, context.ops) {
    old_ = std::move(graph.ops);
    graph.ops.clear();
    made_by_.assign(graph.values.size(), nullptr);
    for (const Op& op : old_) {
      if (body_index(op, context.plan) == 0) {
        for (ValueId id : op.outputs) made_by_[static_cast<size_t>(id.index)] = &op;
      }
      if (body_index(op, context.plan) > 0) needed_.insert(op.inputs.begin(), op.inputs.end());
    }
  }

  Status run() {
    for (Op op : old_) {
      if (body_index(op, context_.plan) > 0) {
        for (ValueId& input : op.inputs) input = available(input, op);
      }
      graph_.ops.push_back(std::move(op));
    }
    return builder_.status();
  }

 private:
  const Op* forward_op(ValueId id) const {
    return static_cast<size_t>(id.index) < made_by_.size() ? made_by_[static_cast<size_t>(id.index)]
                                                           : nullptr;
  }

  bool repeatable(ValueId id) const {
    const Op* op = forward_op(id);
    if (op == nullptr || op->outputs[0] != id) return false;
    const OpDef& def = context_.ops[op->kind];
    if (def.view) return true;
    if (!def.cheap) return false;
    for (ValueId input : op->inputs) {
      const bool kept = forward_op(input) == nullptr || needed_.contains(input);
      if (!kept && !repeatable(input)) return false;
    }
    return true;
  }

  // The value itself, or its repetition within the body of `reader`.
  ValueId available(ValueId id, const Op& reader) {
    if (!repeatable(id)) return id;
    const std::pair<int32_t, int> key{id.index, body_index(reader, context_.plan)};
    if (const auto found = repeated_.find(key); found != repeated_.end()) return found->second;
    const Op op = *forward_op(id);
    std::vector<ValueId> inputs;
    for (ValueId input : op.inputs) inputs.push_back(available(input, reader));
    builder_.region = Region::kBody;
    builder_.phase = reader.phase;
    builder_.block = op.block;
    builder_.stage = op.stage;
    std::vector<std::string> names;
    for (ValueId output : op.outputs) names.push_back(graph_.value(output).name + ".again");
    const ValueId again = builder_.emit(op.kind, inputs, op.attributes, names)[0];
    repeated_[key] = again;
    return again;
  }

  Graph& graph_;
  const PassContext& context_;
  GraphBuilder builder_;
  std::vector<Op> old_;
  std::vector<const Op*> made_by_;       // by value: the op of the forward body that makes it
  std::unordered_set<ValueId> needed_;   // read by the backward bodies
  std::map<std::pair<int32_t, int>, ValueId> repeated_;
};

}  // namespace

Status recompute_cheap(Graph& graph, const PassContext& context) {
  return Recompute(graph, context).run();
}

}  // namespace tutti
