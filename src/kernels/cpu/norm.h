// Layer norm and root-mean-square norm, their gradients, and the bias gradient, which is the same
// sum over tokens (kernels.h states their contracts).
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(layer_norm);
TUTTI_DECLARE_KERNEL(layer_norm_input_grad);
TUTTI_DECLARE_KERNEL(layer_norm_weight_grad);
TUTTI_DECLARE_KERNEL(rms_norm);
TUTTI_DECLARE_KERNEL(rms_norm_input_grad);
TUTTI_DECLARE_KERNEL(rms_norm_weight_grad);
TUTTI_DECLARE_KERNEL(sum_rows);

}  // namespace tutti::cpu::TUTTI_ISA
