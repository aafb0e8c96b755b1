// The normalised dims are those of the weight; all others are tokens.
#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

struct Shape {
  int64_t n, d;
};

Shape shape_of(const Operand& x, const Operand& weight) {
  const int64_t d = weight.count();
  return {d == 0 ? 0 : x.count() / d, d};
}

float epsilon_of(const KernelCall& call) {
  return static_cast<float>(call.attributes->get_double("epsilon"));
}

// The addend of an input gradient, or null.
const float* residual(const KernelCall& call, size_t input) {
  return call.inputs.size() > input ? f32(call.inputs[input]) : nullptr;
}

void run_rms_norm(const Kernels& kernels, const KernelCall& call) {
  const Operand &x = call.inputs[0], &w = call.inputs[1];
  const auto [n, d] = shape_of(x, w);
  kernels.rms_norm(f32(x), f32(w), n, d, epsilon_of(call), f32(call.outputs[0]),
                   f32(call.outputs[1]), call.threads);
}

void run_rms_norm_input_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &dy = call.inputs[0], &x = call.inputs[1], &w = call.inputs[2];
  const auto [n, d] = shape_of(x, w);
  kernels.rms_norm_input_grad(f32(dy), f32(x), f32(w), f32(call.inputs[3]), residual(call, 4), n, d,
                              f32(call.outputs[0]), call.threads);
}

void run_rms_norm_weight_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &dy = call.inputs[0], &x = call.inputs[1], &dw = call.outputs[0];
  const auto [n, d] = shape_of(x, dw);
  kernels.rms_norm_weight_grad(f32(dy), f32(x), f32(call.inputs[2]), n, d, f32(dw), call.adds_to(0),
                               call.threads);
}

void run_layer_norm(const Kernels& kernels, const KernelCall& call) {
  const Operand &x = call.inputs[0], &w = call.inputs[1], &bias = call.inputs[2];
  const auto [n, d] = shape_of(x, w);
  kernels.layer_norm(f32(x), f32(w), f32(bias), n, d, epsilon_of(call), f32(call.outputs[0]),
                     f32(call.outputs[1]), f32(call.outputs[2]), call.threads);
}

void run_layer_norm_input_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &dy = call.inputs[0], &x = call.inputs[1], &w = call.inputs[2];
  const auto [n, d] = shape_of(x, w);
  kernels.layer_norm_input_grad(f32(dy), f32(x), f32(w), f32(call.inputs[3]), f32(call.inputs[4]),
                                residual(call, 5), n, d, f32(call.outputs[0]), call.threads);
}

void run_layer_norm_weight_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &dy = call.inputs[0], &x = call.inputs[1];
  const Operand &dw = call.outputs[0], &db = call.outputs[1];
  const auto [n, d] = shape_of(x, dw);
  const bool accumulate = call.adds_to(0) || call.adds_to(1);
  if (accumulate) {  // the kernel adds to both or to none
    if (!call.adds_to(0)) kernels.fill(0.0f, d, f32(dw), call.threads);
    if (!call.adds_to(1)) kernels.fill(0.0f, d, f32(db), call.threads);
  }
  kernels.layer_norm_weight_grad(f32(dy), f32(x), f32(call.inputs[2]), f32(call.inputs[3]), n, d,
                                 f32(dw), f32(db), accumulate, call.threads);
}

constexpr Launch kNormLaunches[] = {
    {OpKind::kRmsNorm, run_rms_norm},
    {OpKind::kRmsNormInputGrad, run_rms_norm_input_grad},
    {OpKind::kRmsNormWeightGrad, run_rms_norm_weight_grad},
    {OpKind::kLayerNorm, run_layer_norm},
    {OpKind::kLayerNormInputGrad, run_layer_norm_input_grad},
    {OpKind::kLayerNormWeightGrad, run_layer_norm_weight_grad},
};

}  // namespace

std::span<const Launch> norm_launches() { return kNormLaunches; }

}  // namespace tutti::cpu
