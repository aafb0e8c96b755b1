#include "program/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "program/cost.h"

namespace tutti {
namespace {

// How high a body's scratch reaches at each of its instructions.
std::vector<int64_t> scratch_in_use(const Program& program, const Body& body) {
  std::vector<int64_t> in_use(body.instructions.size(), 0);
  for (size_t i = 0; i < body.instructions.size(); ++i) {
    const Instruction& instruction = body.instructions[i];
    in_use[i] = instruction.workspace_offset + instruction.workspace_bytes;
    for (const auto* ids : {&instruction.inputs, &instruction.outputs}) {
      for (BufferId id : *ids) {
        const Buffer& buffer = program.buffer(id);
        if (buffer.address.region != MemoryRegion::kScratch) continue;
        in_use[i] = std::max(in_use[i], buffer.address.offset + aligned(buffer.bytes));
      }
    }
  }
  return in_use;
}

}  // namespace

MemoryReport memory_report(const Program& program) {
  MemoryReport report;
  std::map<int64_t, const Buffer*> persistent;  // by offset: updates share their storage's place
  for (const Buffer& buffer : program.buffers) {
    if (buffer.address.region != MemoryRegion::kPersistent) continue;
    const auto [at, added] = persistent.emplace(buffer.address.offset, &buffer);
    if (!added && at->second->role == Role::kTemporary) at->second = &buffer;
  }
  for (const auto& [offset, buffer] : persistent) {
    const int64_t bytes = aligned(buffer->bytes);
    if (buffer->role == Role::kParameter) report.parameters += bytes;
    if (buffer->role == Role::kAccumulator) report.gradients += bytes;
    if (buffer->role == Role::kState) report.optimizer += bytes;
  }
  report.kept = program.persistent_bytes - report.parameters - report.gradients - report.optimizer;
  report.stash = program.slot_bytes();
  report.scratch = program.scratch_bytes;
  report.io = program.io_bytes;
  int64_t most = -1;
  for (const Body& body : program.bodies) {
    const std::vector<int64_t> in_use = scratch_in_use(program, body);
    for (size_t i = 0; i < in_use.size(); ++i) {
      if (in_use[i] <= most) continue;
      most = in_use[i];
      const Instruction& instruction = body.instructions[i];
      report.peak_instruction = fmt::format("{} %{} in {}", op_name(instruction.kind),
                                            program.buffer(instruction.outputs[0]).name, body.name);
    }
  }
  return report;
}

double step_flops(const OpTable& ops, const Program& program) {
  std::vector<double> of_body;
  for (const Body& body : program.bodies) {
    double flops = 0;
    for (const Instruction& i : body.instructions) flops += instruction_flops(ops, program, i);
    of_body.push_back(flops);
  }
  double total = 0;
  for (const Action& action : program.actions) {
    if (action.kind == ActionKind::kRun) total += of_body[static_cast<size_t>(action.body)];
  }
  return total;
}

}  // namespace tutti
