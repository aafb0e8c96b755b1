// Kernels that draw counter-based random numbers (kernels.h states their contracts).
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(dropout);
TUTTI_DECLARE_KERNEL(fill_normal);

}  // namespace tutti::cpu::TUTTI_ISA
