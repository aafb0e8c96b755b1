// Inverse frequencies are computed at each call, in double precision: a product each, so that a
// call depends on nothing that was made before it and costs little even for one token.
#include <cmath>
#include <numbers>

#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

// Llama 3's scaling, as Hugging Face's rope_type "llama3" computes it: slow rotations are divided
// by `factor`, fast ones kept, those between interpolated.
double scaled_as_llama3(double frequency, double factor, const Attributes& attributes) {
  const double low = attributes.get_double("low_freq_factor", 1);
  const double high = attributes.get_double("high_freq_factor", 4);
  const double context = static_cast<double>(attributes.get_int("original_context", 8192));
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < context / high) return frequency;
  if (wavelength > context / low) return frequency / factor;
  const double smooth = (context / wavelength - low) / (high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

void fill_inverse_frequencies(const Attributes& attributes, int64_t head_dim, float* out) {
  const double theta = attributes.get_double("theta", 10000);
  const double factor = attributes.get_double("factor", 1);
  const bool linear = attributes.get_bool("linear");
  const double ratio = std::pow(theta, -2.0 / static_cast<double>(head_dim));
  double power = 1;  // theta^(-2 i / head_dim)
  for (int64_t i = 0; i < head_dim / 2; ++i, power *= ratio) {
    double frequency = power;
    if (linear) {
      frequency /= factor;
    } else if (factor > 1) {
      frequency = scaled_as_llama3(frequency, factor, attributes);
    }
    out[i] = static_cast<float>(frequency);
  }
}

float* take_frequencies(Workspace& workspace, const KernelCall& call) {
  return workspace.take<float>(call.inputs[0].sizes.back() / 2);
}

size_t rope_workspace_bytes(const Kernels&, const KernelCall& call) {
  Workspace workspace(nullptr);
  take_frequencies(workspace, call);
  return workspace.bytes();
}

void run_rope(const Kernels& kernels, const KernelCall& call) {
  const Operand &x = call.inputs[0], &positions = call.inputs[1];
  const int64_t n = positions.count(), head_dim = x.sizes.back();
  const int64_t heads = n == 0 ? 0 : x.count() / (n * head_dim);
  Workspace workspace(call.workspace);
  float* frequencies = take_frequencies(workspace, call);
  fill_inverse_frequencies(*call.attributes, head_dim, frequencies);
  kernels.rope(f32(x), i32(positions), frequencies, n, heads, head_dim,
               call.attributes->get_bool("inverse"), f32(call.outputs[0]), call.threads);
}

constexpr Launch kRopeLaunches[] = {{OpKind::kRope, run_rope, rope_workspace_bytes}};

}  // namespace

std::span<const Launch> rope_launches() { return kRopeLaunches; }

}  // namespace tutti::cpu
