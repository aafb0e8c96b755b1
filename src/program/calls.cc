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
          .name = bound.name};
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

std::vector<StreamCalls> step_messages(const Program& program) {
  std::map<std::string, StreamCalls> streams;
  for (const Action& action : program.actions) {
    const bool sends = action.kind == ActionKind::kSend;
    if (!sends && action.kind != ActionKind::kReceive) continue;
    StreamCalls& stream = streams[action.stream];
    stream.stream = action.stream;
    stream.sends = sends;
    stream.peer_stage = action.peer_stage;
    const Buffer& buffer = program.buffer(action.buffer);
    stream.calls.push_back({.kind = CallKind::kSend,
                            .dtype = buffer.type.dtype,
                            .count = buffer.elements(),
                            .root = -1,
                            .name = message_name(action)});
  }
  std::vector<StreamCalls> result;
  for (auto& [name, stream] : streams) result.push_back(std::move(stream));
  return result;
}

std::string message_name(const Action& action) {
  return fmt::format("{} microbatch {}", action.stream, action.microbatch);
}

CopiedBytes step_copies(const Program& program) {
  CopiedBytes total;
  for (const Action& action : program.actions) {
    if (action.kind != ActionKind::kRun) continue;
    for (const Instruction& i : program.bodies[static_cast<size_t>(action.body)].instructions) {
      if (!is_copy(i.kind) || (i.when == When::kLast && !action.last)) continue;
      (i.kind == OpKind::kFetch ? total.in : total.out) += program.buffer(i.outputs[0]).bytes;
    }
  }
  return total;
}

int64_t step_wire_bytes(const std::vector<Program>& stages) {
  int64_t bytes = 0;
  const Mesh& mesh = stages.front().mesh;
  const int64_t ranks = mesh.world_size() / mesh.size(Axis::kPp);  // of a stage
  std::map<AxisList, int64_t> of_group;  // once for each stage that has a part in it
  for (const Program& program : stages) {
    for (const GroupCalls& group : step_calls(program)) {
      const int size = static_cast<int>(group_size(group.axes));
      for (const Call& call : group.calls) of_group[group.axes] += wire_bytes(call, size);
    }
    for (const StreamCalls& stream : step_messages(program)) {
      for (const Call& call : stream.calls) bytes += stream.sends ? ranks * wire_bytes(call, 2) : 0;
    }
  }
  for (const auto& [axes, sent] : of_group) bytes += sent * ranks / group_size(axes);
  return bytes;
}

}  // namespace tutti
