// Rotary position embedding (kernels.h states its contract).
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(rope);

}  // namespace tutti::cpu::TUTTI_ISA
