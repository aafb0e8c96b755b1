// The arithmetic of reductions over ranks. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "collective/placement.h"
#include "tensor/dtype.h"

namespace tutti {

// Each of `results` [count] = operands[0] op operands[1] op ... , element by element in that order.
// BF16 and F16 are widened to F32 and rounded once, at the end; integers wrap; a NaN stays one,
// also by kMax. A result may be one of the operands; otherwise they must not overlap. Requires an
// operand and a reduction.
void reduce_elements(DType dtype, Reduce reduce, std::span<const void* const> operands,
                     std::span<void* const> results, int64_t count);

}  // namespace tutti
