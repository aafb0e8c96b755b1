// An instruction made ready for one rank: operands with their sizes and offsets, all but the data
// pointers, which depend on the microbatch.
#pragma once

#include <vector>

#include "ops/kernel_call.h"
#include "program/program.h"

namespace tutti {

struct BoundInstruction {
  const Instruction* instruction = nullptr;
  std::vector<Operand> inputs;
  std::vector<Operand> outputs;
  int64_t coordinate = 0;  // along the attribute `axes`

  // Points the operands into the arena, for a microbatch that holds `slots`.
  void point(const Program& program, char* arena, int microbatch, const std::vector<int>& slots);
  // The call; valid while this object and the program are.
  KernelCall call(const Program& program, char* arena, int microbatch) const;
};

// `program` must outlive the result.
BoundInstruction bind(const Program& program, const Instruction& instruction, int rank);

}  // namespace tutti
