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

bool lives_on(const Graph& graph, ValueId id, int stage) {
  const int at = graph.value(id).stage;
  return at == kEveryStage || at == stage;
}

// Keeps the operands that live on the stage; per-input attributes go with their inputs.
Op local_part(const Graph& graph, const Op& op, int stage) {
  Op local = op;
  local.inputs.clear();
  local.outputs.clear();
  const auto& masks = op.attributes.get_names("count_once_over");
  std::vector<std::string> local_masks;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (!lives_on(graph, op.inputs[i], stage)) continue;
    local.inputs.push_back(op.inputs[i]);
    if (!masks.empty()) local_masks.push_back(masks[i]);
  }
  for (ValueId id : op.outputs) {
    if (lives_on(graph, id, stage)) local.outputs.push_back(id);
  }
  if (!masks.empty()) local.attributes.set("count_once_over", local_masks);
  return local;
}

// An op of every stage (the token count) may have its reader on another.
void drop_unused(const Graph& graph, StageOps& stage) {
  std::vector<bool> used(graph.values.size(), false);
  const auto use = [&](ValueId id) { used[static_cast<size_t>(id.index)] = true; };
  for (ValueId id : graph.outputs) use(id);
  for (const Transfer& transfer : stage.transfers) use(transfer.value);
  for (size_t b = kBodyKinds; b-- > 0;) {
    std::vector<Op>& ops = stage.bodies[b];
    for (size_t i = ops.size(); i-- > 0;) {
      const bool needed = std::any_of(ops[i].outputs.begin(), ops[i].outputs.end(), [&](ValueId id) {
        return used[static_cast<size_t>(id.index)] || graph.value(id).updates.valid();
      });
      if (needed) {
        for (ValueId id : ops[i].inputs) use(id);
      } else {
        ops.erase(ops.begin() + static_cast<int64_t>(i));
      }
    }
  }
}

}  // namespace

StageOps stage_ops(const Graph& graph, const Plan& plan, int stage) {
  StageOps result;
  for (const Op& op : graph.ops) {
    const BodyKind body = body_of(op, plan);
    if (op.kind == OpKind::kTransfer) {
      const int to = graph.value(op.outputs[0]).stage;
      const std::string& tag = graph.value(op.outputs[0]).name;
      if (op.stage == stage) result.transfers.push_back({op.inputs[0], to, true, body, tag});
      if (to == stage) result.transfers.push_back({op.outputs[0], op.stage, false, body, tag});
      continue;
    }
    if (op.stage != kEveryStage && op.stage != stage) continue;
    Op local = local_part(graph, op, stage);
    if (local.outputs.empty()) continue;
    result.bodies[static_cast<size_t>(body)].push_back(std::move(local));
  }
  drop_unused(graph, result);
  return result;
}

std::string body_name(BodyKind kind, bool split_backward) {
  switch (kind) {
    case BodyKind::kPrologue: return "prologue";
    case BodyKind::kForward: return "F";
    case BodyKind::kBackward: return split_backward ? "Bi" : "B";
    case BodyKind::kBackwardWeight: return "Bw";
    case BodyKind::kEpilogue: return "epilogue";
  }
  return "";
}

}  // namespace tutti
