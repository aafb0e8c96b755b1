#include "execute/executor.h"

#include <algorithm>

#include "program/compile.h"

namespace tutti {
namespace {

Status check_local(const Program& program, const Backend& backend) {
  for (const Action& action : program.actions) {
    if (action.kind != ActionKind::kRun) {
      return invalid("the program {} sends %{} to another stage, and this run has one rank",
                     program.name, program.buffer(action.buffer).name);
    }
  }
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      if (backend.runs(i.kind)) continue;
      return invalid("the program {} has {} %{}, which needs more than one rank", program.name,
                     op_name(i.kind), program.buffer(i.outputs[0]).name);
    }
  }
  return {};
}

}  // namespace

Executor::Executor(std::vector<Program> programs, std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)) {
  int64_t persistent = 0;
  for (const Program& program : programs) persistent = std::max(persistent, program.persistent_bytes);
  for (Program& program : programs) {
    program.persistent_bytes = persistent;
    sets_.push_back({std::move(program), {}, {}});
  }
  // Bound instructions point into the programs, which stay where they are from here on.
  for (ProgramState& state : sets_) {
    state.pointed.resize(state.program.bodies.size(), false);
    for (const Body& body : state.program.bodies) {
      state.bound.emplace_back();
      for (const Instruction& i : body.instructions) {
        state.bound.back().push_back(bind(state.program, i, 0));
      }
    }
  }
}

Result<std::unique_ptr<Executor>> Executor::create(std::vector<Program> programs,
                                                   std::unique_ptr<Backend> backend) {
  TUTTI_CHECK(!programs.empty());
  for (const Program& program : programs) TUTTI_TRY(check_local(program, *backend));
  std::unique_ptr<Executor> executor(new Executor(std::move(programs), std::move(backend)));
  int64_t bytes = 0;
  for (const ProgramState& state : executor->sets_) {
    bytes = std::max(bytes, state.program.total_bytes());
  }
  TUTTI_ASSIGN(executor->arena_, Arena::create(static_cast<uint64_t>(bytes)));
  return executor;
}

bool Executor::has(size_t program, std::string_view name) const {
  return sets_[program].program.find(name).valid();
}

Operand Executor::operand(size_t index, std::string_view name, int microbatch) const {
  const Program& program = sets_[index].program;
  const BufferId id = program.find(name);
  TUTTI_CHECK(id.valid(), "the program {} has no %{}", program.name, name);
  const Buffer& buffer = program.buffer(id);
  const MemoryRegion region = buffer.address.region;
  TUTTI_CHECK(region == MemoryRegion::kPersistent || region == MemoryRegion::kIo,
              "%{} does not last: it is in {}", name, memory_region_name(region));
  Operand operand = operand_of(buffer, program.mesh, 0);
  operand.data = arena_.data() + arena_offset(program, buffer, microbatch, {});
  return operand;
}

// With one microbatch a body runs once a step, and its operands stay where they are.
void Executor::point(ProgramState& state, const Action& action) {
  const auto body = static_cast<size_t>(action.body);
  if (state.pointed[body] && state.program.microbatches == 1) return;
  for (BoundInstruction& bound : state.bound[body]) {
    bound.point(state.program, arena_.data(), action.microbatch, action.slots);
  }
  state.pointed[body] = true;
}

void Executor::run_instruction(ProgramState& state, const Action& action, size_t index) {
  const BoundInstruction& bound = state.bound[static_cast<size_t>(action.body)][index];
  const KernelCall call = bound.call(state.program, arena_.data(), action.microbatch);
  if (profile_ == nullptr) {
    backend_->run(call);
    return;
  }
  const double start_s = clock_->monotonic_s();
  backend_->run(call);
  profile_->add(state.program, static_cast<size_t>(action.body), index,
                clock_->monotonic_s() - start_s);
}

void Executor::run(size_t index) {
  ProgramState& state = sets_[index];
  for (const Action& action : state.program.actions) {
    const Body& body = state.program.bodies[static_cast<size_t>(action.body)];
    point(state, action);
    for (size_t i = 0; i < body.instructions.size(); ++i) run_instruction(state, action, i);
  }
}

}  // namespace tutti
