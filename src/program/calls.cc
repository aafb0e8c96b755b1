#include "program/calls.h"

#include <map>

#include "base/status.h"
#include "program/bind.h"
#include "program/collective_layout.h"

namespace tutti {
namespace {

constexpr int kFirstRank = 0;  // ranks of a stage make the same calls

Call call_of(const Program& program, const Instruction& instruction) {
  const BoundInstruction bound = bind(program, instruction, kFirstRank);
  KernelCall kernel;
  kernel.kind = instruction.kind;
  kernel.attributes = &instruction.attributes;
  kernel.inputs = bound.inputs;
  kernel.outputs = bound.outputs;
  const CollectiveLayout layout = collective_layout(kernel, false);
  return {.kind = layout.kind,
          .dtype = layout.dtype,
          .count = layout.count,
          .reduce = layout.reduce,
          .root = -1,
          .name = program.buffer(instruction.outputs[0]).name};
}

struct BodyCall {
  AxisList axes;
  Call call;
  When when = When::kEach;
};

std::vector<BodyCall> body_calls(const Program& program, const Body& body) {
  std::vector<BodyCall> calls;
  for (const Instruction& i : body.instructions) {
    if (!is_communication(i.kind) || !i.attributes.has("axes")) continue;
    const auto axes = parse_axis_list(i.attributes.get_string("axes"));
    TUTTI_CHECK(axes.has_value(), "{}", i.attributes.get_string("axes"));
    calls.push_back({*axes, call_of(program, i), i.when});
  }
  return calls;
}

}  // namespace

std::vector<GroupCalls> step_calls(const Program& program) {
  std::vector<std::vector<BodyCall>> of_body;
  for (const Body& body : program.bodies) of_body.push_back(body_calls(program, body));
  std::map<AxisList, std::vector<Call>> by_axes;
  for (const Action& action : program.actions) {
    if (action.kind != ActionKind::kRun) continue;
    for (const BodyCall& made : of_body[static_cast<size_t>(action.body)]) {
      if (made.when == When::kEach || action.last) by_axes[made.axes].push_back(made.call);
    }
  }
  std::vector<GroupCalls> result;
  for (auto& [axes, calls] : by_axes) result.push_back({axes, std::move(calls)});
  return result;
}

int64_t step_wire_bytes(const Program& program) {
  int64_t bytes = 0;
  const int64_t ranks = program.mesh.world_size() / program.mesh.size(Axis::kPp);
  for (const GroupCalls& group : step_calls(program)) {
    const int64_t size = group_size(group.axes);
    for (const Call& call : group.calls) {
      bytes += wire_bytes(call, static_cast<int>(size)) * (ranks / size);
    }
  }
  return bytes;
}

}  // namespace tutti
