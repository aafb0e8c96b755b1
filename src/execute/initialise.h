// First values of parameters, from the counter-based generator: keyed by (seed, parameter's name)
// and the element's global index, so that no layout changes them.
#pragma once

#include "execute/executor.h"
#include "kernels/cpu/kernels.h"
#include "models/step_graph.h"

namespace tutti {

// Writes what this rank holds of every parameter of the program; one in BF16 gets the rounded
// numbers of FP32. State and accumulators are left as they are (a new arena is zeros). Padding rows
// become zero.
// Fails only where an offloaded one cannot be written.
Status initialise_parameters(Executor& executor, size_t program, const StepGraph& step,
                             uint64_t seed, const cpu::Kernels& kernels, int threads);

}  // namespace tutti
