#include "program/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "program/cost.h"

namespace tutti {
namespace {

// The instructions of a body that mention a buffer, first to last.
struct Life {
  size_t first = SIZE_MAX, last = 0;
};

std::vector<Life> lives_in(const Program& program, const Body& body) {
  std::vector<Life> lives(program.buffers.size());
  for (size_t i = 0; i < body.instructions.size(); ++i) {
    for (const auto* ids : {&body.instructions[i].inputs, &body.instructions[i].outputs}) {
      for (BufferId id : *ids) {
        if (program.buffer(id).address.region != MemoryRegion::kScratch) continue;
        Life& life = lives[static_cast<size_t>(id.index)];
        life.first = std::min(life.first, i);
        life.last = i;
      }
    }
  }
  return lives;
}

// Bytes of scratch in use at instruction `at`: the union of what lives then, since a view or a
// value that is written in place shares its bytes with another.
int64_t scratch_in_use(const Program& program, const Body& body, const std::vector<Life>& lives,
                       size_t at) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  const Instruction& instruction = body.instructions[at];
  ranges.push_back({instruction.workspace_offset, instruction.workspace_bytes});
  for (size_t b = 0; b < lives.size(); ++b) {
    if (lives[b].first > at || lives[b].last < at) continue;
    ranges.push_back({program.buffers[b].address.offset, aligned(program.buffers[b].bytes)});
  }
  std::sort(ranges.begin(), ranges.end());
  int64_t total = 0, covered = 0;
  for (const auto& [offset, bytes] : ranges) {
    total += std::max<int64_t>(0, offset + bytes - std::max(covered, offset));
    covered = std::max(covered, offset + bytes);
  }
  return total;
}

}  // namespace

MemoryReport memory_report(const Program& program) {
  MemoryReport report;
  // What lasts, from its start on: updates and members of buckets lie within.
  std::vector<const Buffer*> lasting;
  for (const Buffer& buffer : program.buffers) {
    const bool lasts =
        buffer.address.region == MemoryRegion::kPersistent && !buffer.address.offloaded;
    if (lasts && is_persistent(buffer.role)) lasting.push_back(&buffer);
  }
  std::sort(lasting.begin(), lasting.end(), [](const Buffer* a, const Buffer* b) {
    return std::pair(a->address.offset, -a->bytes) < std::pair(b->address.offset, -b->bytes);
  });
  int64_t covered = 0;
  for (const Buffer* buffer : lasting) {
    if (buffer->address.offset < covered) continue;
    const int64_t bytes = aligned(buffer->bytes);
    covered = buffer->address.offset + bytes;
    if (buffer->role == Role::kParameter) report.parameters += bytes;
    if (buffer->role == Role::kAccumulator) report.gradients += bytes;
    if (buffer->role == Role::kState) report.optimizer += bytes;
  }
  report.kept = program.persistent_bytes - report.parameters - report.gradients - report.optimizer;
  report.stash = program.slot_bytes();
  report.scratch = program.scratch_bytes;
  report.io = program.io_bytes;
  report.offloaded = program.offloaded_bytes();
  int64_t most = -1;
  for (const Body& body : program.bodies) {
    const std::vector<Life> lives = lives_in(program, body);
    for (size_t i = 0; i < body.instructions.size(); ++i) {
      const int64_t in_use = scratch_in_use(program, body, lives, i);
      if (in_use <= most) continue;
      most = in_use;
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
