#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

void run_add(const Kernels& kernels, const KernelCall& call) {
  kernels.add(f32(call.inputs[0]), f32(call.inputs[1]), call.outputs[0].count(),
              f32(call.outputs[0]), call.threads);
}

void run_scale(const Kernels& kernels, const KernelCall& call) {
  kernels.scale(f32(call.inputs[0]), f32(call.inputs[1]), call.outputs[0].count(),
                f32(call.outputs[0]), call.threads);
}

void run_gelu(const Kernels& kernels, const KernelCall& call) {
  kernels.gelu_tanh(f32(call.inputs[0]), call.outputs[0].count(), f32(call.outputs[0]),
                    call.threads);
}

void run_gelu_grad(const Kernels& kernels, const KernelCall& call) {
  kernels.gelu_tanh_grad(f32(call.inputs[0]), f32(call.inputs[1]), call.outputs[0].count(),
                         f32(call.outputs[0]), call.threads);
}

void run_swiglu(const Kernels& kernels, const KernelCall& call) {
  kernels.swiglu(f32(call.inputs[0]), f32(call.inputs[1]), call.outputs[0].count(),
                 f32(call.outputs[0]), call.threads);
}

void run_swiglu_grad(const Kernels& kernels, const KernelCall& call) {
  kernels.swiglu_grad(f32(call.inputs[0]), f32(call.inputs[1]), f32(call.inputs[2]),
                      call.outputs[0].count(), f32(call.outputs[0]), f32(call.outputs[1]),
                      call.threads);
}

void run_reciprocal(const Kernels&, const KernelCall& call) {
  const float* x = f32(call.inputs[0]);
  float* y = f32(call.outputs[0]);
  for (int64_t i = 0; i < call.outputs[0].count(); ++i) y[i] = x[i] == 0.0f ? 0.0f : 1.0f / x[i];
}

constexpr Launch kElementwiseLaunches[] = {
    {OpKind::kAdd, run_add},
    {OpKind::kScale, run_scale},
    {OpKind::kGelu, run_gelu},
    {OpKind::kGeluGrad, run_gelu_grad},
    {OpKind::kSwiglu, run_swiglu},
    {OpKind::kSwigluGrad, run_swiglu_grad},
    {OpKind::kReciprocal, run_reciprocal},
};

}  // namespace

std::span<const Launch> elementwise_launches() { return kElementwiseLaunches; }

}  // namespace tutti::cpu
