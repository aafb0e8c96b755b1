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
#include "execute/profile.h"
#include "kernels/backend.h"
#include "program/bind.h"
#include "program/program.h"
#include "tensor/arena.h"

namespace tutti {

class Executor {
 public:
  // Refused with kResource, before memory is taken, when the machine does not have it. Programs must
  // have been compiled with one PersistentLayout and hold no communication. The arena starts as
  // zeros.
  static Result<std::unique_ptr<Executor>> create(std::vector<Program> programs,
                                                  std::unique_ptr<Backend> backend);

  const Program& program(size_t index) const { return sets_[index].program; }
  int64_t allocated_bytes() const { return static_cast<int64_t>(arena_.bytes()); }

  // The operand in a named buffer that lasts or comes from outside (parameters, state, inputs,
  // scalars, outputs); a name that the program does not have is a bug.
  Operand operand(size_t program, std::string_view name, int microbatch = 0) const;
  bool has(size_t program, std::string_view name) const;

  // One step: all actions in order.
  void run(size_t program);

  // Times each instruction from now on (null: stops). The profile must outlive the runs.
  void set_profile(Profile* profile) { profile_ = profile; }

 private:
  struct ProgramState {
    Program program;
    std::vector<std::vector<BoundInstruction>> bound;  // by body and instruction
    std::vector<bool> pointed;                         // by body: operands point into the arena
  };

  Executor(std::vector<Program> programs, std::unique_ptr<Backend> backend);
  void point(ProgramState& state, const Action& action);
  void run_instruction(ProgramState& state, const Action& action, size_t index);

  std::vector<ProgramState> sets_;
  std::unique_ptr<Backend> backend_;
  Arena arena_;
  Profile* profile_ = nullptr;
  std::unique_ptr<Clock> clock_ = make_system_clock();  // for the profile
};

}  // namespace tutti
