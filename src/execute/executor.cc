#include "execute/executor.h"

#include <algorithm>
#include <cstring>

#include "program/compile.h"

namespace tutti {
namespace {

template <typename T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

Status check_local(const Program& program, const Backend& backend, bool alone) {
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      const bool collective = !alone && i.attributes.has("axes");
      if (collective || is_copy(i.kind) || backend.runs(i.kind)) continue;
      return invalid("the program {} has {} %{}, which needs more than one rank", program.name,
                     op_name(i.kind), program.buffer(i.outputs[0]).name);
    }
  }
  return {};
}

Status check_world(const Program& program, const World* world) {
  const int size = world == nullptr ? 1 : world->size();
  if (program.mesh.world_size() != size) {
    return invalid("the program {} is for {} ranks, this run has {}", program.name,
                   program.mesh.world_size(), size);
  }
  const int stage = world == nullptr ? 0 : program.mesh.coordinate(world->rank(), Axis::kPp);
  if (program.stage == stage) return {};
  return invalid("the program {} is for stage {}, this rank is on stage {}", program.name,
                 program.stage, stage);
}

}  // namespace

Executor::Executor(std::vector<Program> programs, std::unique_ptr<Backend> backend,
                   const RankOptions& options)
    : backend_(std::move(backend)),
      options_(options),
      rank_(options.world == nullptr ? 0 : options.world->rank()) {
  int64_t persistent = 0, offloaded = 0;
  for (const Program& program : programs) {
    persistent = std::max(persistent, program.persistent_bytes);
    offloaded = std::max(offloaded, program.offloaded_persistent_bytes);
  }
  for (Program& program : programs) {
    program.persistent_bytes = persistent;
    program.offloaded_persistent_bytes = offloaded;
    sets_.push_back({std::move(program), {}, {}, {}});
  }
  // Bound instructions point into the programs, which stay where they are from here on.
  for (ProgramState& state : sets_) {
    state.pointed.resize(state.program.bodies.size(), false);
    for (const Body& body : state.program.bodies) {
      state.bound.emplace_back();
      for (const Instruction& i : body.instructions) {
        state.bound.back().push_back(bind(state.program, i, rank_));
      }
    }
    if (options.spans != nullptr) name_spans(state);
  }
}

void Executor::name_spans(ProgramState& state) {
  compute_lane_ = options_.spans->lane("compute");
  for (const Body& body : state.program.bodies) {
    state.span_names.emplace_back();
    for (const Instruction& i : body.instructions) {
      const Buffer& output = state.program.buffer(i.outputs[0]);
      const int64_t sent = std::max(state.program.buffer(i.inputs[0]).bytes, output.bytes);
      const int64_t moved = is_copy(i.kind) ? output.bytes : sent;
      const std::string size = i.lane == LaneKind::kCompute ? "" : fmt::format(" ({} B)", moved);
      state.span_names.back().push_back(
          options_.spans->name(fmt::format("{} {}{}", op_name(i.kind), output.name, size)));
    }
  }
}

Result<std::unique_ptr<Executor>> Executor::create(std::vector<Program> programs,
                                                   std::unique_ptr<Backend> backend,
                                                   const RankOptions& options) {
  TUTTI_CHECK(!programs.empty());
  for (const Program& program : programs) {
    TUTTI_TRY(check_world(program, options.world));
    TUTTI_TRY(check_local(program, *backend, options.world == nullptr));
  }
  std::unique_ptr<Executor> executor(
      new Executor(std::move(programs), std::move(backend), options));
  int64_t bytes = 0, offloaded = 0;
  std::vector<const Program*> all;
  for (const ProgramState& state : executor->sets_) {
    bytes = std::max(bytes, state.program.total_bytes());
    offloaded = std::max(offloaded, state.program.offloaded_bytes());
    all.push_back(&state.program);
  }
  TUTTI_ASSIGN(executor->arena_, Arena::create(static_cast<uint64_t>(bytes)));
  executor->in_flight_.emplace(all, options.spans);
  if (offloaded > 0) {
    TUTTI_ASSIGN(auto store, options.offload_store(offloaded));
    executor->copies_ = std::make_unique<Copies>(std::move(store), options.spans);
  }
  if (options.world != nullptr) {
    TUTTI_ASSIGN(executor->collectives_, Collectives::create(*options.world, all, options.spans));
    TUTTI_ASSIGN(executor->messages_, Messages::create(*options.world, all, options.spans));
  }
  return executor;
}

char* Executor::at(Location location) const {
  TUTTI_CHECK(!location.offloaded, "offloaded bytes have no address");
  return arena_.data() + location.offset;
}

Status Executor::read(Location location, std::span<char> out) const {
  if (out.empty()) return {};  // a rank may hold nothing of a bucket
  if (location.offloaded) return copies_->store().read(location.offset, out);
  std::memcpy(out.data(), at(location), out.size());
  return {};
}

Status Executor::write(Location location, std::span<const char> in) {
  if (in.empty()) return {};
  if (location.offloaded) return copies_->store().write(location.offset, in);
  std::memcpy(at(location), in.data(), in.size());
  return {};
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
  Operand operand = operand_of(buffer, program.mesh, rank_);
  operand.data = arena_.data() + arena_offset(program, buffer, rank_, microbatch, {});
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
  const auto body = static_cast<size_t>(action.body);
  const KernelCall call = state.bound[body][index].call(state.program, arena_.data(), action);
  const ScopedSpan span(options_.spans, compute_lane_,
                        span_name(state, {action.body, static_cast<int>(index)}), step_);
  if (profile_ == nullptr) {
    backend_->run(call);
    return;
  }
  const double start_s = clock_->monotonic_s();
  backend_->run(call);
  profile_->add(state.program, body, index, clock_->monotonic_s() - start_s);
}

SpanNameId Executor::span_name(const ProgramState& state, InstructionRef ref) const {
  if (options_.spans == nullptr) return {};
  return state.span_names[static_cast<size_t>(ref.body)][static_cast<size_t>(ref.index)];
}

// Where a rank is alone, what would communicate is compute.
bool Executor::runs_in_lane(const Instruction& instruction) const {
  return instruction.lane == LaneKind::kCopy ||
         (instruction.lane == LaneKind::kCommunication && collectives_ != nullptr);
}

Status Executor::run_body(size_t index, const Action& action) {
  ProgramState& state = sets_[index];
  const auto& bound = state.bound[static_cast<size_t>(action.body)];
  for (size_t i = 0; i < bound.size(); ++i) {
    const Instruction& instruction = *bound[i].instruction;
    const bool beside = runs_in_lane(instruction);
    if (!beside) {
      for (const InstructionRef& ref : instruction.waits) TUTTI_TRY(in_flight_->wait(index, ref));
    }
    if (!bound[i].runs_in(action)) continue;
    if (beside) {
      const InstructionRef ref{action.body, static_cast<int>(i)};
      in_flight_->start(index, ref, instruction.waits,
                        job(bound[i], bound[i].call(state.program, arena_.data(), action)),
                        span_name(state, ref), is_awaited_next(state, ref));
    } else {
      run_instruction(state, action, i);
    }
  }
  return wait_for_body(index, action);
}

// Whether this thread waits for an instruction in a lane before it does anything else.
bool Executor::is_awaited_next(const ProgramState& state, InstructionRef ref) const {
  const auto& bound = state.bound[static_cast<size_t>(ref.body)];
  const auto next = static_cast<size_t>(ref.index) + 1;
  if (next == bound.size()) return !bound[next - 1].instruction->outlasts_body;
  const Instruction& instruction = *bound[next].instruction;
  return !runs_in_lane(instruction) && contains(instruction.waits, ref);
}

LaneJob Executor::job(const BoundInstruction& bound, const KernelCall& call) {
  const bool copies = bound.instruction->lane == LaneKind::kCopy;
  return copies ? copies_->job(bound) : collectives_->job(bound, call);
}

// For what is in lanes and whose memory others take over behind this body.
Status Executor::wait_for_body(size_t index, const Action& action) {
  const auto& bound = sets_[index].bound[static_cast<size_t>(action.body)];
  for (size_t i = 0; i < bound.size(); ++i) {
    const Instruction& instruction = *bound[i].instruction;
    if (instruction.lane == LaneKind::kCompute || instruction.outlasts_body) continue;
    TUTTI_TRY(in_flight_->wait(index, {action.body, static_cast<int>(i)}));
  }
  return {};
}

void Executor::set_step(int64_t step) {
  step_ = step;
  in_flight_->set_step(step);
  if (messages_ != nullptr) messages_->set_step(step);
}

WireCount Executor::sent() const {
  WireCount total;
  if (collectives_ != nullptr) total += collectives_->sent();
  if (messages_ != nullptr) total += messages_->sent();
  return total;
}

Status Executor::run_action(size_t index, int number) {
  ProgramState& state = sets_[index];
  const Program& program = state.program;
  const Action& action = program.actions[static_cast<size_t>(number)];
  for (int wait : action.waits) TUTTI_TRY(messages_->wait(index, wait));
  if (action.kind == ActionKind::kRun) {
    point(state, action);
    return run_body(index, action);
  }
  const auto bytes_of = [&](BufferId id) {
    return arena_.data() +
           arena_offset(program, program.buffer(id), rank_, action.microbatch, action.slots);
  };
  if (action.kind == ActionKind::kCopy) {
    std::memcpy(bytes_of(action.target), bytes_of(action.buffer),
                static_cast<size_t>(program.buffer(action.buffer).bytes));
  } else {
    const auto next = static_cast<size_t>(number) + 1;
    const bool awaited =
        next < program.actions.size() && contains(program.actions[next].waits, number);
    messages_->issue(index, number, bytes_of(action.buffer), awaited);
  }
  return {};
}

Executor::~Executor() {
  if (in_flight_) in_flight_->drain();
}

// What fails here (a copy) others would wait for; what failed elsewhere they know of.
Status Executor::run(size_t index) {
  Status status = run_actions(index);
  const bool here = !status.ok() && status.error().kind != ErrorKind::kUnavailable;
  if (here && options_.world != nullptr) options_.world->abort(status);
  return status;
}

Status Executor::run_actions(size_t index) {
  const int actions = static_cast<int>(sets_[index].program.actions.size());
  for (int number = 0; number < actions; ++number) TUTTI_TRY(run_action(index, number));
  return finish();
}

Status Executor::finish() {
  TUTTI_TRY(in_flight_->finish());
  return messages_ == nullptr ? Status() : messages_->finish();
}

}  // namespace tutti
