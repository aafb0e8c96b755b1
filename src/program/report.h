// What a compiled program needs, for people and for checks: memory by kind to the byte, the peak
// instruction, and the arithmetic of a step.
#pragma once

#include <string>

#include "ops/op_def.h"
#include "program/program.h"

namespace tutti {

struct MemoryReport {
  int64_t parameters = 0;
  int64_t gradients = 0;  // accumulators
  int64_t optimizer = 0;  // state
  int64_t kept = 0;       // other values that last through a step
  int64_t stash = 0;      // slots: kept from one pass to a later one
  int64_t scratch = 0;
  int64_t io = 0;
  int64_t total() const { return parameters + gradients + optimizer + kept + stash + scratch + io; }
  int64_t offloaded = 0;  // not among them: it is outside of this memory

  // The instruction at which the most scratch is in use.
  std::string peak_instruction;  // "linear_cross_entropy_fused %loss_sum.acc.next in F"
};

MemoryReport memory_report(const Program& program);

// Floating-point operations of one step on one rank.
double step_flops(const OpTable& ops, const Program& program);

}  // namespace tutti
