#include <fmt/format.h>

#include "ir/text.h"
#include "program/text.h"

namespace tutti {
namespace {

std::string names(const Program& program, const std::vector<BufferId>& ids) {
  std::string text;
  for (BufferId id : ids) {
    if (!text.empty()) text += ", ";
    text += '%';
    text += program.buffer(id).name;
  }
  return text;
}

std::string address_text(const Address& address) {
  std::string text = address.offloaded ? "offloaded " : "";
  text += memory_region_name(address.region);
  if (address.region == MemoryRegion::kSlot) text += fmt::format(":{}", address.slot_class);
  text += fmt::format("+{}", address.offset);
  if (address.per_microbatch) text += " each";
  if (!address.part.empty()) {
    text += fmt::format(" part={}*{}", to_string(address.part), address.part_bytes);
  }
  return text;
}

std::string instruction_text(const Program& program, const Instruction& instruction) {
  std::string text =
      fmt::format("  {} {} = {}", op_name(instruction.kind), names(program, instruction.outputs),
                  names(program, instruction.inputs));
  if (!instruction.attributes.empty()) {
    text += " {";
    for (const auto& [name, value] : instruction.attributes.entries()) {
      if (text.back() != '{') text += ", ";
      text += name + "=" + to_string(value);
    }
    text += '}';
  }
  if (instruction.block >= 0) text += fmt::format(" block={}", instruction.block);
  if (instruction.workspace_bytes > 0) {
    text +=
        fmt::format(" workspace={}+{}", instruction.workspace_offset, instruction.workspace_bytes);
  }
  if (instruction.accumulators != 0)
    text += fmt::format(" accumulators={}", instruction.accumulators);
  if (instruction.accumulation == Accumulation::kAfterFirst) text += " add=after_first";
  if (instruction.accumulation == Accumulation::kAlways) text += " add=always";
  if (instruction.when == When::kLast) text += " when=last";
  if (instruction.outlasts_body) text += " outlasts";
  for (const InstructionRef& ref : instruction.waits) {
    text +=
        fmt::format(" wait={}:{}", program.bodies[static_cast<size_t>(ref.body)].name, ref.index);
  }
  return text + "\n";
}

std::string action_text(const Program& program, const Action& action) {
  std::string text;
  if (action.kind == ActionKind::kRun) {
    text = fmt::format("run {}", program.bodies[static_cast<size_t>(action.body)].name);
  } else if (action.kind == ActionKind::kCopy) {
    text = fmt::format("copy %{} = %{}", program.buffer(action.target).name,
                       program.buffer(action.buffer).name);
  } else {
    const bool sends = action.kind == ActionKind::kSend;
    text = fmt::format("{} %{} {}={} stream={}", sends ? "send" : "receive",
                       program.buffer(action.buffer).name, sends ? "to" : "from", action.peer_stage,
                       action.stream);
  }
  text += fmt::format(" mb={}", action.microbatch);
  if (action.first) text += " first";
  if (action.last) text += " last";
  if (!action.slots.empty()) text += fmt::format(" slots={}", fmt::join(action.slots, ","));
  if (!action.waits.empty()) text += fmt::format(" waits={}", fmt::join(action.waits, ","));
  return text + "\n";
}

std::string mesh_text(const Mesh& mesh) {
  AxisList axes;
  for (const AxisName& entry : kAxes) {
    for (const MeshAxis& axis : mesh.whole(entry.axis)) axes.push_back(axis);
  }
  return axes.empty() ? "one" : to_string(axes);
}

}  // namespace

std::string print(const Program& program) {
  std::string text = fmt::format("program {} stage={} mesh={} microbatches={}", program.name,
                                 program.stage, mesh_text(program.mesh), program.microbatches);
  if (program.pipeline.chunks > 1) {
    const bool v = program.pipeline.order == ChunkOrder::kV;
    text += fmt::format(" chunks={} order={}", program.pipeline.chunks, v ? "v" : "loop");
  }
  text += '\n';
  text += fmt::format("persistent {}\n", program.persistent_bytes);
  for (const SlotClass& slots : program.slot_classes) {
    text += fmt::format("slots {} bytes={} count={}{}\n", slots.name, slots.bytes, slots.count,
                        slots.offloaded ? " offloaded" : "");
  }
  text += fmt::format("scratch {}\nio {}\n", program.scratch_bytes, program.io_bytes);
  if (program.offloaded_persistent_bytes > 0) {
    text += fmt::format("offloaded {}\n", program.offloaded_persistent_bytes);
  }
  for (const Buffer& buffer : program.buffers) {
    text += fmt::format("buffer %{}: {} role={} at {}\n", buffer.name,
                        to_string(buffer.type, buffer.placement), role_name(buffer.role),
                        address_text(buffer.address));
  }
  for (const Body& body : program.bodies) {
    text += fmt::format("body {} scratch={}\n", body.name, body.scratch_bytes);
    for (const Instruction& i : body.instructions) text += instruction_text(program, i);
  }
  for (const Action& action : program.actions) text += action_text(program, action);
  for (BufferId id : program.outputs) text += fmt::format("output %{}\n", program.buffer(id).name);
  return text;
}

}  // namespace tutti
