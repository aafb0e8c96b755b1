// Checks that a compiled step is sound before it may run: programs of all stages together.
#pragma once

#include <vector>

#include "base/status.h"
#include "program/program.h"

namespace tutti {

// - Addresses lie in their regions; an instruction's operands and workspace overlap only where the
//   planner shares storage (same start), and no instruction reads memory that nothing wrote.
// - What is under way (collectives, sends, receives) is not touched before it was waited for.
// - The two sides of a stream send and receive the same microbatches in the same order, and the
//   stages do not wait for each other in a circle, where a send takes until it is received and
//   collectives across stages block.
// The message names the first stage, body and instruction at fault.
Status lint(const std::vector<Program>& stages);

}  // namespace tutti
