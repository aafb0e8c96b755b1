#include "program/stage_ops.h"

#include <fmt/format.h>

#include <algorithm>

namespace tutti {
namespace {

BodyKind body_of(const Op& op, const Plan& plan) {
  if (op.region == Region::kPrologue) return BodyKind::kPrologue;
  if (op.region == Region::kEpilogue) return BodyKind::kEpilogue;
  if (op.phase == Phase::kForward) return BodyKind::kForward;
  const bool apart = plan.split_backward && op.phase == Phase::kBackwardWeight;
  return apart ? BodyKind::kBackwardWeight : BodyKind::kBackward;
}

class StageSelection {
 public:
  StageSelection(const Graph& graph, const Plan& plan, int stage)
      : graph_(graph),
        plan_(plan),
        pipeline_(plan.pipeline()),
        stage_(stage),
        result_{StageBodies(plan.chunks), {}} {}

  StageOps run() {
    for (const Op& op : graph_.ops) {
      if (op.kind == OpKind::kTransfer) {
        transfer(op);
        continue;
      }
      if (!is_here(op.stage)) continue;
      Op local = local_part(op);
      if (!local.outputs.empty()) body(op).ops.push_back(std::move(local));
    }
    drop_unused();
    return std::move(result_);
  }

 private:
  bool is_here(int position) const {
    return position == kEveryStage || pipeline_.stage_of(position) == stage_;
  }

  int body_at(const Op& op, int position) const {
    const BodyKind kind = body_of(op, plan_);
    const bool once = kind == BodyKind::kPrologue || kind == BodyKind::kEpilogue;
    const bool chunked = !once && position != kEveryStage;
    return result_.bodies.index(kind, chunked ? pipeline_.chunk_of(position) : 0);
  }
  StageBody& body(const Op& op) { return result_.bodies[body_at(op, op.stage)]; }

  void transfer(const Op& op) {
    const int from = op.stage, to = graph_.value(op.outputs[0]).stage;
    Transfer transfer{op.inputs[0], op.outputs[0], from, to, body_at(op, from), true, false};
    transfer.local = is_here(from) && is_here(to);
    if (is_here(from)) result_.transfers.push_back(transfer);
    if (!is_here(to) || transfer.local) return;
    transfer.sends = false;
    transfer.body = body_at(op, to);
    result_.transfers.push_back(transfer);
  }

  // Keeps the operands that live on the stage; per-input attributes go with their inputs.
  Op local_part(const Op& op) const {
    Op local = op;
    local.inputs.clear();
    local.outputs.clear();
    const auto& masks = op.attributes.get_names("count_once_over");
    std::vector<std::string> local_masks;
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      if (!is_here(graph_.value(op.inputs[i]).stage)) continue;
      local.inputs.push_back(op.inputs[i]);
      if (!masks.empty()) local_masks.push_back(masks[i]);
    }
    for (ValueId id : op.outputs) {
      if (is_here(graph_.value(id).stage)) local.outputs.push_back(id);
    }
    if (!masks.empty()) local.attributes.set("count_once_over", local_masks);
    const bool apart = op.kind == OpKind::kReplicaSum && local.inputs.size() < op.inputs.size();
    if (apart && !local.inputs.empty()) sum_over_stages(op, local);
    return local;
  }

  // A replica_sum of which this stage has one replica and one other stage the other.
  void sum_over_stages(const Op& op, Op& local) const {
    TUTTI_CHECK(op.inputs.size() == 2, "{} replicas of %{}", op.inputs.size(), graph_.op_label(op));
    const int first = pipeline_.stage_of(graph_.value(op.inputs[0]).stage);
    const int second = pipeline_.stage_of(graph_.value(op.inputs[1]).stage);
    const MeshAxis pair{Axis::kPp, 2, std::abs(second - first)};
    TUTTI_CHECK(std::min(first, second) / pair.stride % 2 == 0 &&
                    std::max(first, second) / pair.stride % 2 == 1,
                "stages {} and {}", first, second);
    local.kind = OpKind::kAllReduce;
    local.attributes.set("axes", to_string(AxisList{pair}));
    local.attributes.set("of", graph_.op_label(op));  // one name on both stages
  }

  // An op of every stage (the token count) may have its reader on another.
  void drop_unused() {
    std::vector<bool> used(graph_.values.size(), false);
    const auto use = [&](ValueId id) { used[static_cast<size_t>(id.index)] = true; };
    for (ValueId id : graph_.outputs) use(id);
    for (const Transfer& transfer : result_.transfers) use(transfer.source);
    for (int b = static_cast<int>(result_.bodies.size()); b-- > 0;) {
      std::vector<Op>& ops = result_.bodies[b].ops;
      for (size_t i = ops.size(); i-- > 0;) {
        const bool needed =
            std::any_of(ops[i].outputs.begin(), ops[i].outputs.end(), [&](ValueId id) {
              return used[static_cast<size_t>(id.index)] || graph_.value(id).updates.valid();
            });
        if (needed) {
          for (ValueId id : ops[i].inputs) use(id);
        } else {
          ops.erase(ops.begin() + static_cast<int64_t>(i));
        }
      }
    }
  }

  const Graph& graph_;
  const Plan& plan_;
  Pipeline pipeline_;
  int stage_;
  StageOps result_;
};

std::string_view kind_name(BodyKind kind, bool split_backward) {
  switch (kind) {
    case BodyKind::kPrologue:
      return "prologue";
    case BodyKind::kForward:
      return "F";
    case BodyKind::kBackward:
      return split_backward ? "Bi" : "B";
    case BodyKind::kBackwardWeight:
      return "Bw";
    case BodyKind::kEpilogue:
      return "epilogue";
  }
  return "";
}

}  // namespace

StageBodies::StageBodies(int chunks) : chunks_(chunks) {
  bodies_.push_back({BodyKind::kPrologue, 0, {}});
  for (int c = 0; c < chunks; ++c) bodies_.push_back({BodyKind::kForward, c, {}});
  for (int c = chunks; c-- > 0;) bodies_.push_back({BodyKind::kBackward, c, {}});
  for (int c = chunks; c-- > 0;) bodies_.push_back({BodyKind::kBackwardWeight, c, {}});
  bodies_.push_back({BodyKind::kEpilogue, 0, {}});
}

int StageBodies::index(BodyKind kind, int chunk) const {
  switch (kind) {
    case BodyKind::kPrologue:
      return 0;
    case BodyKind::kForward:
      return 1 + chunk;
    case BodyKind::kBackward:
      return 2 * chunks_ - chunk;
    case BodyKind::kBackwardWeight:
      return 3 * chunks_ - chunk;
    case BodyKind::kEpilogue:
      return 3 * chunks_ + 1;
  }
  return -1;
}

StageOps stage_ops(const Graph& graph, const Plan& plan, int stage) {
  return StageSelection(graph, plan, stage).run();
}

std::string body_name(const StageBody& body, const Plan& plan) {
  const std::string name(kind_name(body.kind, plan.split_backward));
  return body.chunk == 0 ? name : fmt::format("{}.{}", name, body.chunk);
}

}  // namespace tutti
