#include "program/bind.h"

#include "base/status.h"
#include "program/compile.h"

namespace tutti {
namespace {

AxisList axes_of(const std::string& text) {
  const auto axes = parse_axis_list(text);
  TUTTI_CHECK(axes.has_value(), "not mesh axes: '{}'", text);
  return *axes;
}

}  // namespace

void BoundInstruction::point(const Program& program, char* arena, int microbatch,
                             const std::vector<int>& slots) {
  const auto set = [&](const std::vector<BufferId>& ids, std::vector<Operand>& operands) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const Buffer& buffer = program.buffer(ids[i]);
      const Location at = locate(program, buffer, rank, microbatch, slots);
      if (at.offloaded) {
        offloaded_offset = at.offset;
      } else {
        operands[i].data = arena + at.offset;
      }
    }
  };
  set(instruction->inputs, inputs);
  set(instruction->outputs, outputs);
  if (instruction->kind == OpKind::kFetch) {
    offloaded_offset += offset_bytes(instruction->attributes, outputs[0].dtype);
  }
}

KernelCall BoundInstruction::call(const Program& program, char* arena, const Action& action) const {
  KernelCall call;
  call.kind = instruction->kind;
  call.attributes = &instruction->attributes;
  call.inputs = inputs;
  call.outputs = outputs;
  call.accumulators = instruction->accumulators;
  call.accumulate = instruction->accumulation == Accumulation::kAlways ||
                    (instruction->accumulation == Accumulation::kAfterFirst && !action.first);
  call.microbatch = action.microbatch;
  call.coordinate = coordinate;
  call.workspace = arena + program.scratch_offset() + instruction->workspace_offset;
  return call;
}

BoundInstruction bind(const Program& program, const Instruction& instruction, int rank) {
  BoundInstruction bound;
  bound.instruction = &instruction;
  bound.rank = rank;
  bound.name = instruction.attributes.get_string("of", program.buffer(instruction.outputs[0]).name);
  const auto& masks = instruction.attributes.get_names("count_once_over");
  for (size_t i = 0; i < instruction.inputs.size(); ++i) {
    Operand operand = operand_of(program.buffer(instruction.inputs[i]), program.mesh, rank);
    if (i < masks.size() && masks[i] != "none") {
      operand.counted = program.mesh.group_index(rank, axes_of(masks[i])) == 0;
    }
    bound.inputs.push_back(std::move(operand));
  }
  for (BufferId id : instruction.outputs) {
    bound.outputs.push_back(operand_of(program.buffer(id), program.mesh, rank));
  }
  if (instruction.attributes.has("axes")) {
    bound.coordinate =
        program.mesh.group_index(rank, axes_of(instruction.attributes.get_string("axes")));
  }
  return bound;
}

}  // namespace tutti
