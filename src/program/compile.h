// From the partitioned graph to the Program of one stage: bodies, actions, and an address for every
// buffer. Peak memory is known when this returns.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "ops/kernel_call.h"
#include "ops/op_def.h"
#include "plan/plan.h"
#include "program/program.h"
#include "schedule/schedule.h"

namespace tutti {

// The persistent region of a set of programs (training, evaluation): a name lies at one place in
// all.
struct PersistentLayout {
  struct Range {
    int64_t offset = 0, bytes = 0;
  };
  struct Space {
    std::map<std::string, Range> ranges;
    int64_t bytes = 0;
  };
  Space resident, offloaded;
};

struct CompileOptions {
  int stage = 0;
  const Schedule* schedule = nullptr;
  PersistentLayout* persistent = nullptr;  // read and extended; null: one of its own
};

Result<Program> compile(const Graph& graph, const Plan& plan, const OpTable& ops,
                        const KernelNeeds& needs, const CompileOptions& options);

// The operand that a kernel sees in a buffer, on one rank; its data pointer is null.
Operand operand_of(const Buffer& buffer, const Mesh& mesh, int rank);

}  // namespace tutti
