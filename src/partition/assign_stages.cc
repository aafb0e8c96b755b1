// Cuts the graph by layer into the positions of a pipeline (the graph's stages) and connects them.
//
// Ops of the body go to the stage of their block. What lasts follows its readers; a parameter that
// several stages read (tied embeddings) gets a replica on each, with optimizer state of its own,
// and replica_sum adds their gradients, so that the replicas stay equal. A value that is read on
// another stage than it is made is moved by a `transfer`, once for each stage. Prologue, norm and
// clipping run on every stage, and so does the mean of the loss: what a stage adds nothing to is
// zero.
#include <algorithm>
#include <map>
#include <set>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

class StageAssigner {
 public:
  StageAssigner(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), builder_(graph, context.ops) {}

  Status run() {
    layers_ = 0;
    for (const Op& op : graph_.ops) layers_ = std::max(layers_, op.block);
    place_body();
    replicate_parameters();
    place_epilogue();
    insert_transfers();
    return builder_.status();
  }

 private:
  Value& value(ValueId id) { return graph_.value(id); }

  void place_body() {
    for (Op& op : graph_.ops) {
      if (op.region != Region::kBody) continue;
      op.stage = position_of_block(context_.plan, op.block, layers_);
      if (op.kind == OpKind::kAdd) op.stage = stage_of_sum(op);
      for (ValueId id : op.outputs) {
        value(id).stage = op.stage;
        if (value(id).updates.valid()) value(value(id).updates).stage = op.stage;
      }
    }
  }

  // The gradients of a value that goes on to one other stage are added there: one message.
  int stage_of_sum(const Op& op) {
    const int first = value(op.inputs[0]).stage, second = value(op.inputs[1]).stage;
    return op.phase != Phase::kForward && first == second ? first : op.stage;
  }

  void replicate_parameters() {
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const ValueId id(static_cast<int64_t>(i));
      if (value(id).role != Role::kParameter) continue;
      std::set<int> stages;
      for (const Op& op : graph_.ops) {
        const bool reads = std::find(op.inputs.begin(), op.inputs.end(), id) != op.inputs.end();
        if (op.region == Region::kBody && reads) stages.insert(op.stage);
      }
      if (stages.empty()) stages.insert(0);
      value(id).stage = *stages.begin();
      for (auto stage = std::next(stages.begin()); stage != stages.end(); ++stage) {
        replicate(id, *stage);
      }
    }
  }

  ValueId copy_of(ValueId id, int stage) {
    Value copy = value(id);
    copy.name = builder_.unique_name(name_at_stage(copy.name, stage));
    copy.stage = stage;
    return graph_.add_value(std::move(copy));
  }

  // State is named by its parameter: NAME@2.m.
  ValueId state_of_copy(ValueId state, ValueId parameter, ValueId replica) {
    Value copy = value(state);
    copy.name = value(replica).name + copy.name.substr(value(parameter).name.size());
    copy.stage = value(replica).stage;
    return graph_.add_value(std::move(copy));
  }

  void replicate(ValueId parameter, int stage) {
    const ValueId replica = copy_of(parameter, stage);
    for (Op& op : graph_.ops) {
      if (op.region == Region::kBody && op.stage == stage) {
        std::replace(op.inputs.begin(), op.inputs.end(), parameter, replica);
      }
    }
    const auto update = std::find_if(graph_.ops.begin(), graph_.ops.end(), [&](const Op& op) {
      return op.kind == OpKind::kAdamW && op.inputs[0] == parameter;
    });
    if (update == graph_.ops.end()) return;
    const ValueId total = update->inputs[3];
    update->inputs[3] = total_on_stage(total, value(parameter).stage);
    Op copy = *update;
    copy.inputs[0] = replica;
    for (size_t k : {1u, 2u}) copy.inputs[k] = state_of_copy(copy.inputs[k], parameter, replica);
    copy.inputs[3] = total_on_stage(total, stage);
    for (size_t k = 0; k < copy.outputs.size(); ++k) {
      copy.outputs[k] = copy_of(copy.outputs[k], stage);
      value(copy.outputs[k]).updates = copy.inputs[k];
    }
    graph_.ops.insert(update + 1, std::move(copy));
  }

  // The output of the replica_sum that makes `total` which belongs to an accumulator of `stage`.
  ValueId total_on_stage(ValueId total, int stage) {
    for (const Op& op : graph_.ops) {
      const auto& totals = op.outputs;
      if (op.kind != OpKind::kReplicaSum) continue;
      if (std::find(totals.begin(), totals.end(), total) == totals.end()) continue;
      for (size_t k = 0; k < op.inputs.size(); ++k) {
        if (value(op.inputs[k]).stage == stage) return op.outputs[k];
      }
    }
    TUTTI_CHECK(false, "no gradient of a replicated parameter on stage {}", stage);
  }

  void place_epilogue() {
    for (Op& op : graph_.ops) {
      if (op.region != Region::kEpilogue) continue;
      if (op.kind == OpKind::kReplicaSum) {
        for (size_t k = 0; k < op.inputs.size(); ++k) {
          value(op.outputs[k]).stage = value(op.inputs[k]).stage;
        }
        continue;
      }
      const bool reduces = op.kind == OpKind::kSumSquares || op.kind == OpKind::kClipFactor ||
                           op.kind == OpKind::kScale;
      op.stage = reduces ? kEveryStage : value(op.inputs[0]).stage;
      for (ValueId id : op.outputs) value(id).stage = op.stage;
      if (op.kind == OpKind::kScale) value(op.inputs[0]).stage = kEveryStage;
      if (op.kind == OpKind::kAdamW) {
        value(op.inputs[1]).stage = value(op.inputs[2]).stage = op.stage;
      }
    }
  }

  void insert_transfers() {
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    std::map<std::pair<int32_t, int>, ValueId> moved;
    // Transfers stand right behind the op that makes the value; so the readers are looked up first.
    std::map<int32_t, std::set<int>> wanted;
    for (const Op& op : old) {
      for (ValueId id : op.inputs) {
        const bool local = op.stage == kEveryStage || value(id).stage == kEveryStage;
        if (!local && value(id).stage != op.stage) wanted[id.index].insert(op.stage);
      }
    }
    for (Op& op : old) {
      for (ValueId& id : op.inputs) {
        const auto found = moved.find({id.index, op.stage});
        if (found != moved.end()) id = found->second;
      }
      const Op maker = op;
      graph_.ops.push_back(std::move(op));
      for (ValueId id : maker.outputs) {
        for (int stage : wanted[id.index]) moved[{id.index, stage}] = transfer(id, maker, stage);
      }
    }
  }

  ValueId transfer(ValueId id, const Op& maker, int stage) {
    builder_.scope_of(maker);
    const ValueId there = builder_.emit(OpKind::kTransfer, {id}, {{"to_stage", int64_t{stage}}},
                                        name_at_stage(value(id).name, stage));
    value(there).stage = stage;
    return there;
  }

  Graph& graph_;
  const PassContext& context_;
  GraphBuilder builder_;
  int layers_ = 0;
};

}  // namespace

Status assign_stages(Graph& graph, const PassContext& context) {
  if (context.plan.mesh.size(Axis::kPp) == 1) return {};
  return StageAssigner(graph, context).run();
}

}  // namespace tutti
