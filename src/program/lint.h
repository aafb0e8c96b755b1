// Checks that a compiled step is sound before it may run: programs of all stages together.
#pragma once

#include <vector>

#include "base/status.h"
#include "program/program.h"

namespace tutti {

// - Addresses lie in their regions; an instruction's operands and workspace overlap only where the
//   planner shares storage (same start), and no instruction reads memory that nothing wrote.
// - Sends and receives pair up by tag and microbatch, and collectives across stages come in one
//   order: running all stages with blocking collectives and receives ends (no cycle of waiting).
// The message names the first stage, body and instruction at fault.
Status lint(const std::vector<Program>& stages);

}  // namespace tutti
