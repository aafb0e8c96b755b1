// The optimizer's kernels (kernels.h states their contracts).
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(sum_squares);
TUTTI_DECLARE_KERNEL(adamw);

}  // namespace tutti::cpu::TUTTI_ISA
