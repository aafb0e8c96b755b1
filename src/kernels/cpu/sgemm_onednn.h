// The matrix product of oneDNN, behind the fast kernels. Thread-safe.
#pragma once

#include "kernels/cpu/kernels.h"

namespace tutti::cpu {

// c (+)= op(a) op(b) on `threads` OpenMP threads; the bias is not looked at. Repeating a call with
// the same shape, strides, thread count and CPU gives the same bits. oneDNN packs panels into
// memory of its own: at most 8 MiB a thread at the sizes of language models, 0.6 to 2.6 MiB but for
// the logits, freed before the call returns.
void onednn_sgemm(const Matmul&, int threads);

}  // namespace tutti::cpu
