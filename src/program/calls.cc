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

bool is_collective(const Instruction& instruction) {
  return is_communication(instruction.kind) && instruction.attributes.has("axes");
}

}  // namespace

std::vector<GroupCalls> step_calls(const Program& program) {
  std::map<AxisList, std::vector<Call>> by_axes;
  for (const Action& action : program.actions) {
    if (action.kind != ActionKind::kRun) continue;
    for (const Instruction& i : program.bodies[static_cast<size_t>(action.body)].instructions) {
      if (!is_collective(i) || (i.when == When::kLast && !action.last)) continue;
      const auto axes = parse_axis_list(i.attributes.get_string("axes"));
      TUTTI_CHECK(axes.has_value(), "{}", i.attributes.get_string("axes"));
      by_axes[*axes].push_back(call_of(program, i));
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
