// Products with a weight in BF16: see kernels.h. One token goes over the weight as it lies (gemv.h).
// For more, a CPU with units for BF16 products (AMX) multiplies x in three parts of 8 bits, which
// together are x to the last of its 24; any other widens panels of the weight into the workspace and
// multiplies as FP32.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(linear_bf16_workspace_bytes);
TUTTI_DECLARE_KERNEL(linear_bf16);

}  // namespace tutti::cpu::TUTTI_ISA
