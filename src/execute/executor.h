// Runs Programs of one rank on one backend.
//
// A program set (training, evaluation) shares one arena: the persistent region is common, the rest
// is as large as the largest program needs. The arena is exactly what the programs planned; nothing
// else is allocated for tensors. Not thread-safe: one call at a time.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "execute/collectives.h"
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

  int rank() const { return rank_; }
  const Program& program(size_t index) const { return sets_[index].program; }
  int64_t allocated_bytes() const { return static_cast<int64_t>(arena_.bytes()); }

  // The operand in a named buffer that lasts or comes from outside (parameters, state, inputs,
  // scalars, outputs), on this rank; a name that the program does not have is a bug.
  Operand operand(size_t program, std::string_view name, int microbatch = 0) const;
  // What another stage makes and this one has a copy of goes by the same name.
  bool has(size_t program, std::string_view name) const;
  // What lies at an offset of the arena (program/stored.h), in bytes.
  char* at(int64_t arena_offset) const { return arena_.data() + arena_offset; }

  // One step: all actions in order. Fails only where ranks work together, and then for good.
  Status run(size_t program);

  // Times each instruction from now on (null: stops). The profile must outlive the runs.
  void set_profile(Profile* profile) { profile_ = profile; }
  // The step that spans name.
  void set_step(int64_t step);
  // What this rank has sent to others since the start.
  WireCount sent() const;

 private:
  struct ProgramState {
    Program program;
    std::vector<std::vector<BoundInstruction>> bound;  // by body and instruction
    std::vector<std::vector<SpanNameId>> span_names;   // the same, with RankOptions::spans
    std::vector<bool> pointed;                         // by body: operands point into the arena
  };

  Executor(std::vector<Program> programs, std::unique_ptr<Backend> backend,
           const RankOptions& options);
  BufferId find(size_t program, std::string_view name) const;
  void name_spans(ProgramState& state);
  SpanNameId span_name(const ProgramState& state, InstructionRef ref) const;
  void point(ProgramState& state, const Action& action);
  Status run_body(size_t program, const Action& action);
  void run_instruction(ProgramState& state, const Action& action, size_t index);
  Status wait_for_body(size_t program, const Action& action);
  Status run_action(size_t program, int number);
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
  // Last: their lanes end before the arena goes.
  std::unique_ptr<Collectives> collectives_;
  std::unique_ptr<Messages> messages_;
};

}  // namespace tutti
