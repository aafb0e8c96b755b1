// The last layer and its loss: logits x w^T exist only for a chunk of tokens at a time. See
// kernels.h.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(linear_cross_entropy_workspace_bytes);
TUTTI_DECLARE_KERNEL(logits_stats);
TUTTI_DECLARE_KERNEL(linear_cross_entropy_grad);
TUTTI_DECLARE_KERNEL(linear_cross_entropy_fused);

}  // namespace tutti::cpu::TUTTI_ISA
