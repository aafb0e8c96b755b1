// Runs Programs of one rank on one backend.
//
// A program set (training, evaluation) shares one arena: the persistent region is common, the rest
// is as large as the largest program needs. The arena is exactly what the programs planned; nothing
// else is allocated for tensors. Not thread-safe: one call at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "execute/collectives.h"
#include "execute/copies.h"
#include "execute/in_flight.h"
#include "execute/messages.h"
#include "execute/profile.h"
#include "kernels/backend.h"
#include "program/bind.h"
#include "program/program.h"
#include "tensor/arena.h"

namespace tutti {

// Where an executor stands among others; by default it is alone.
struct RankOptions {
  World* world = nullptr;         // null: the programs are for one rank
  SpanRecorder* spans = nullptr;  // gets a span for each instruction; null: none
  // Makes the store, of so many bytes, for what is offloaded.
  std::function<Result<std::unique_ptr<OffloadStore>>(int64_t)> offload_store = make_host_store;
};

class Executor {
 public:
  // Refused with kResource, before memory is taken, when the machine does not have it. Programs
  // must have been compiled with one PersistentLayout; where they communicate, for the world's
  // size, and every rank makes this call. The arena starts as zeros. What `options` points to must
  // outlive the executor.
  static Result<std::unique_ptr<Executor>> create(std::vector<Program> programs,
                                                  std::unique_ptr<Backend> backend,
                                                  const RankOptions& options = {});

  ~Executor();

  int rank() const { return rank_; }
  const Program& program(size_t index) const { return sets_[index].program; }
  int64_t allocated_bytes() const { return static_cast<int64_t>(arena_.bytes()); }

  // The operand in a named buffer that lasts or comes from outside (parameters, state, inputs,
  // scalars, outputs) and is not offloaded, on this rank; a name that the program does not have is
  // a bug.
  Operand operand(size_t program, std::string_view name, int microbatch = 0) const;
  bool has(size_t program, std::string_view name) const;
  // What lies at a location of the arena.
  char* at(Location location) const;
  // The same for any location: offloaded bytes are reached by copies alone. Not while run() does.
  Status read(Location location, std::span<char> out) const;
  Status write(Location location, std::span<const char> in);

  // One step: all actions in order. Fails only where ranks work together or values are offloaded,
  // and then for good, on all ranks; those of an MPI job end there.
  Status run(size_t program);

  // Times each instruction from now on (null: stops). The profile must outlive the runs.
  void set_profile(Profile* profile) { profile_ = profile; }
  // The step that spans name.
  void set_step(int64_t step);
  // What this rank has sent to others since the start.
  WireCount sent() const;
  // What its programs have moved between its arena and what is offloaded.
  CopiedBytes copied() const { return copies_ == nullptr ? CopiedBytes() : copies_->copied(); }

 private:
  struct ProgramState {
    Program program;
    std::vector<std::vector<BoundInstruction>> bound;  // by body and instruction
    std::vector<std::vector<SpanNameId>> span_names;   // the same, with RankOptions::spans
    std::vector<bool> pointed;                         // by body: operands point into the arena
  };

  Executor(std::vector<Program> programs, std::unique_ptr<Backend> backend,
           const RankOptions& options);
  void name_spans(ProgramState& state);
  SpanNameId span_name(const ProgramState& state, InstructionRef ref) const;
  void point(ProgramState& state, const Action& action);
  bool runs_in_lane(const Instruction& instruction) const;
  bool is_awaited_next(const ProgramState& state, InstructionRef ref) const;
  Status run_body(size_t program, const Action& action);
  void run_instruction(ProgramState& state, const Action& action, size_t index);
  Status wait_for_body(size_t program, const Action& action);
  LaneJob job(const BoundInstruction& bound, const KernelCall& call);
  Status run_action(size_t program, int number);
  Status run_actions(size_t program);
  Status finish();

  std::vector<ProgramState> sets_;
  std::unique_ptr<Backend> backend_;
  RankOptions options_;
  int rank_ = 0;
  Arena arena_;
  Profile* profile_ = nullptr;
  LaneId compute_lane_;
  int64_t step_ = 0;
  std::unique_ptr<Clock> clock_ = make_system_clock();  // for the profile
  std::optional<InFlight> in_flight_;
  // Last: their lanes end before the arena goes.
  std::unique_ptr<Copies> copies_;  // null: nothing is offloaded
  std::unique_ptr<Collectives> collectives_;
  std::unique_ptr<Messages> messages_;
};

}  // namespace tutti
