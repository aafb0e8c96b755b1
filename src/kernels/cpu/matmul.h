// Matrix products: see Matmul in kernels.h. matmul.cc hands them to oneDNN, but for one token times
// the rows of a weight (gemv.h); matmul_oracle.cc is a triple loop. Neither needs a workspace.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(matmul_workspace_bytes);
TUTTI_DECLARE_KERNEL(matmul);

}  // namespace tutti::cpu::TUTTI_ISA
