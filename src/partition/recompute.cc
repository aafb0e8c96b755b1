// Backward runs some forward ops again instead of keeping their results (recompute_choice.h says
// which): the stash then holds only what is left.
//
// Cheap ops and views are repeated in each body that reads them, so that a gathered value is never
// kept for backward, and once more for other repetitions, so that they are not kept from those to
// the gradients; others once, where input gradients are computed, and weight gradients that run
// apart find them kept from there. In a block that is repeated an input gradient is computed when
// it is read, and not while the block is still being repeated. Random numbers are keyed by value
// and step: a dropout that is repeated is the same.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ir/builder.h"
#include "partition/recompute_choice.h"

namespace tutti {
namespace {

class Recompute {
 public:
  Recompute(Graph& graph, const PassContext& context, std::vector<bool> repeated)
      : graph_(graph),
        context_(context),
        repeated_(std::move(repeated)),
        builder_(graph, context.ops),
        made_by_(graph.values.size(), -1) {
    old_ = std::move(graph.ops);
    graph.ops.clear();
    for (size_t i = 0; i < old_.size(); ++i) {
      const Op& op = old_[i];
      for (ValueId id : op.outputs) made_by_[static_cast<size_t>(id.index)] = static_cast<int>(i);
      const OpDef& def = context.ops[op.kind];
      if (repeated_[i] && !def.cheap && !def.view) blocks_.insert({op.stage, op.block});
    }
  }

  Status run() {
    for (Op op : old_) {
      const int body = body_index(op, context_.plan);
      if (body > 0) {
        for (ValueId& input : op.inputs) input = available(input, body, false);
      }
      push_what_it_reads(op);
      const bool waits =
          body > 0 && op.kind == OpKind::kLinear && blocks_.contains({op.stage, op.block});
      (waits ? waiting_ : graph_.ops).push_back(std::move(op));
    }
    for (Op& op : waiting_) graph_.ops.push_back(std::move(op));
    return builder_.status();
  }

 private:
  void push_what_it_reads(const Op& reader) {
    for (size_t w = 0; w < waiting_.size();) {
      const auto& inputs = reader.inputs;
      if (std::find(inputs.begin(), inputs.end(), waiting_[w].outputs[0]) == inputs.end()) {
        ++w;
        continue;
      }
      const Op op = std::move(waiting_[w]);
      waiting_.erase(waiting_.begin() + static_cast<int64_t>(w));
      push_what_it_reads(op);
      graph_.ops.push_back(op);
      w = 0;
    }
  }

  // The value itself, or its repetition for a reader in `body`, which may be a repetition.
  ValueId available(ValueId id, int body, bool repeats) {
    const auto at = static_cast<size_t>(id.index);
    const int maker = at < made_by_.size() ? made_by_[at] : -1;
    if (maker < 0 || !repeated_[static_cast<size_t>(maker)]) return id;
    const Op& op = old_[static_cast<size_t>(maker)];
    const OpDef& def = context_.ops[op.kind];
    const bool cheap = def.cheap || def.view;
    if (cheap && op.outputs[0] != id) return id;  // statistics
    const std::tuple key{maker, cheap ? body : 1, cheap && repeats};
    if (!copies_.contains(key)) copies_[key] = repeat(op, std::get<1>(key), repeats || !cheap);
    const auto at_output = std::find(op.outputs.begin(), op.outputs.end(), id);
    return copies_[key][static_cast<size_t>(at_output - op.outputs.begin())];
  }

  // `inner`: for another repetition.
  std::vector<ValueId> repeat(const Op& op, int body, bool inner) {
    std::vector<ValueId> inputs;
    for (ValueId input : op.inputs) inputs.push_back(available(input, body, inner));
    builder_.region = Region::kBody;
    builder_.phase = body == 2 ? Phase::kBackwardWeight : Phase::kBackwardInput;
    builder_.block = op.block;
    builder_.stage = op.stage;
    std::vector<std::string> names;
    for (ValueId output : op.outputs) names.push_back(graph_.value(output).name + ".again");
    return builder_.emit(op.kind, inputs, op.attributes, names);
  }

  Graph& graph_;
  const PassContext& context_;
  std::vector<bool> repeated_;  // by op of old_
  GraphBuilder builder_;
  std::vector<Op> old_;
  std::vector<int> made_by_;  // by value: its op in old_
  // By op, body, and whether for another repetition.
  std::map<std::tuple<int, int, bool>, std::vector<ValueId>> copies_;
  std::set<std::pair<int, int>> blocks_;  // stage and block of what is repeated and not cheap
  std::vector<Op> waiting_;               // input gradients that nothing has read yet
};

}  // namespace

Status recompute(Graph& graph, const PassContext& context) {
  TUTTI_ASSIGN(std::vector<bool> repeated, repeated_ops(graph, context));
  return Recompute(graph, context, std::move(repeated)).run();
}

}  // namespace tutti
