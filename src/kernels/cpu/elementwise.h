// Addition, scaling, filling and the activations (kernels.h states their contracts).
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(add);
TUTTI_DECLARE_KERNEL(scale);
TUTTI_DECLARE_KERNEL(fill);
TUTTI_DECLARE_KERNEL(gelu_tanh);
TUTTI_DECLARE_KERNEL(gelu_tanh_grad);
TUTTI_DECLARE_KERNEL(swiglu);
TUTTI_DECLARE_KERNEL(swiglu_grad);

}  // namespace tutti::cpu::TUTTI_ISA
