// An instruction made ready for one rank: operands with their sizes and offsets, all but the data
// pointers, which depend on the microbatch.
#pragma once

#include <string>
#include <vector>

#include "ops/kernel_call.h"
#include "program/program.h"

namespace tutti {

struct BoundInstruction {
  const Instruction* instruction = nullptr;
  std::vector<Operand> inputs;
  std::vector<Operand> outputs;
  std::string name;  // of what it makes, as all ranks of a collective call it
  int rank = 0;
  int64_t coordinate = 0;        // along the attribute `axes`
  int64_t offloaded_offset = 0;  // of the operand that is offloaded, in bytes; the others have data

  // Points the operands into the arena, for a microbatch that holds `slots`.
  void point(const Program& program, char* arena, int microbatch, const std::vector<int>& slots);
  // Whether it runs in this run of its body.
  bool runs_in(const Action& action) const {
    return instruction->when == When::kEach || action.last;
  }
  // The call; valid while this object and the program are.
  KernelCall call(const Program& program, char* arena, const Action& action) const;
};

// `program` must outlive the result.
BoundInstruction bind(const Program& program, const Instruction& instruction, int rank);

}  // namespace tutti
