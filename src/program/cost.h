// Floating-point operations and bytes of an instruction on one rank, by the rules of the ops.
#pragma once

#include "ops/op_def.h"
#include "program/program.h"

namespace tutti {

double instruction_flops(const OpTable& ops, const Program& program, const Instruction& instruction);
// Bytes of its operands, each read or written once; views move none.
double instruction_bytes(const OpTable& ops, const Program& program, const Instruction& instruction);

}  // namespace tutti
