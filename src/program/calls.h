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

// By axes, in mesh order: every rank of a stage has the same list. Messages between stages are not
// among them.
std::vector<GroupCalls> step_calls(const Program& program);

// The messages of one stream in one step, as a stage sends or receives them.
struct StreamCalls {
  std::string stream;
  bool sends = false;
  int peer_stage = -1;
  std::vector<Call> calls;  // kSend on both sides
};

// How calls name a message.
std::string message_name(const Action& action);

// In the order of the streams' names: stages that share two streams have them in one order.
std::vector<StreamCalls> step_messages(const Program& program);

// Bytes that a rank moves between its memory and what is offloaded, in one step.
struct CopiedBytes {
  int64_t in = 0, out = 0;
  friend bool operator==(const CopiedBytes&, const CopiedBytes&) = default;
};
CopiedBytes step_copies(const Program& program);

// Bytes that all ranks of the mesh together send in one step, by the programs of all stages.
int64_t step_wire_bytes(const std::vector<Program>& stages);

}  // namespace tutti
