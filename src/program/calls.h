// The calls to other ranks that a program makes in one step: known before it runs, so that ranks
// can compare them, a plan can show them, and what a run counts can be checked against them.
#pragma once

#include <string>
#include <vector>

#include "collective/call.h"
#include "program/program.h"

namespace tutti {

// The calls of one step over one set of axes, in order of issue.
struct GroupCalls {
  AxisList axes;
  std::vector<Call> calls;
};

// By axes, in mesh order: every rank of a stage has the same list. Transfers between stages are not
// among them.
std::vector<GroupCalls> step_calls(const Program& program);

// Bytes that all ranks of the mesh together send in one step.
int64_t step_wire_bytes(const Program& program);

}  // namespace tutti
