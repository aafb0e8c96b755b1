// Rows of a table by index, and the gradient of the table. See kernels.h.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(embedding);
TUTTI_DECLARE_KERNEL(embedding_bf16);
TUTTI_DECLARE_KERNEL(embedding_grad);

}  // namespace tutti::cpu::TUTTI_ISA
