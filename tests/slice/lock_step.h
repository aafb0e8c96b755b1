// Runs the Programs of all ranks in one thread, in lock-step, with a backend's local kernels and
// collectives as plain loops over ranks: the oracle for what compiled programs mean. Test-only.
//
// Every arena starts as NaNs, so that what is never written shows in the results.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "program/bind.h"
#include "program/program.h"

namespace tutti {

// A value as one device holds it: row-major over logical sizes, as doubles.
using LogicalValue = std::vector<double>;

class LockStep {
 public:
  // `stages` and `backend` must outlive this.
  LockStep(const std::vector<Program>& stages, const Backend& backend);

  // Writes each rank's part of a logical value into the buffer of this name, on every rank that has
  // one. `microbatch` tells which, for inputs that come each microbatch.
  void set(const std::string& name, const LogicalValue& value, int microbatch = 0);
  // Puts the logical value together from the ranks' parts; checks that replicas agree.
  LogicalValue get(const std::string& name) const;

  // Parameters and gradients that lie in buckets, by the parameter's name.
  void set_parameter(const std::string& name, const LogicalValue& value);
  LogicalValue get_gradient(const std::string& name) const;

  // Runs one step. False when some ranks wait for ever.
  bool run();

 private:
  struct Rank {
    const Program* program = nullptr;
    std::vector<char> arena;
    size_t begun = SIZE_MAX;  // the action whose receives have come
    size_t action = 0, instruction = 0;
    std::map<const Instruction*, BoundInstruction> bound;
  };

  bool advance(int rank);
  char* data_of(int rank, BufferId id, const Action& action);
  bool receives_done(int rank, const Action& action);
  bool communicate(int rank, const Action& action);
  bool collective(int rank, const Instruction& instruction);
  void combine(const std::vector<int>& group);
  const Instruction* waiting_at(const Rank& rank) const;
  BoundInstruction& bound(Rank& rank, const Instruction& instruction) const;
  template <typename Visit>
  void for_each_member(const std::string& name, bool gradient, Visit visit) const;

  const std::vector<Program>& stages_;
  const Backend& backend_;
  std::vector<Rank> ranks_;
  std::map<std::string, std::vector<char>> messages_;  // by receiving rank, stream and microbatch
};

}  // namespace tutti
