// Matrix products and sums over rows. Several dims of an operand make one side of the product: they
// are adjacent, so that the operand is a dense matrix as it lies.
#include "kernels/cpu/launch.h"

#include <algorithm>

namespace tutti::cpu {
namespace {

bool is_named(std::string_view dim, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), dim) != names.end();
}

// Elements along those dims of `x` that are in `names`.
int64_t extent(const Operand& x, const std::vector<std::string>& names) {
  int64_t product = 1;
  for (size_t d = 0; d < x.dims.size(); ++d) {
    if (is_named(x.dims[d], names)) product *= x.sizes[d];
  }
  return product;
}

int64_t divided(int64_t count, int64_t by) { return by == 0 ? 0 : count / by; }

// y = x w^T + bias where w ends with the contracted dims, y = x w where it begins with them.
Matmul linear_product(const KernelCall& call) {
  const Operand &x = call.inputs[0], &w = call.inputs[1];
  const std::vector<std::string>& contract = call.attributes->get_names("contract");
  const int64_t k = extent(x, contract), m = divided(x.count(), k), n = divided(w.count(), k);
  const bool transpose_b = !is_named(w.dims.front(), contract);
  return {.m = m,
          .n = n,
          .k = k,
          .a = f32(x),
          .lda = k,
          .transpose_a = false,
          .b = f32(w),
          .ldb = transpose_b ? k : n,
          .transpose_b = transpose_b,
          .c = f32(call.outputs[0]),
          .ldc = n,
          .bias_n = call.inputs.size() == 3 ? f32(call.inputs[2]) : nullptr};
}

struct ProductSizes {
  int64_t m, n, k;
};

// The same where w is BF16, which ends with the contracted dims.
ProductSizes bf16_product_sizes(const KernelCall& call) {
  const Operand &x = call.inputs[0], &w = call.inputs[1];
  const int64_t k = extent(x, call.attributes->get_names("contract"));
  return {divided(x.count(), k), divided(w.count(), k), k};
}

bool has_bf16_weight(const KernelCall& call) { return call.inputs[1].dtype == DType::kBF16; }

void run_linear(const Kernels& kernels, const KernelCall& call) {
  if (!has_bf16_weight(call)) {
    return kernels.matmul(linear_product(call), call.workspace, call.threads);
  }
  const auto [m, n, k] = bf16_product_sizes(call);
  const float* bias = call.inputs.size() == 3 ? f32(call.inputs[2]) : nullptr;
  kernels.linear_bf16(f32(call.inputs[0]), bf16(call.inputs[1]), bias, m, n, k,
                      f32(call.outputs[0]), call.workspace, call.threads);
}

size_t linear_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  if (!has_bf16_weight(call)) {
    return kernels.matmul_workspace_bytes(linear_product(call), call.threads);
  }
  const auto [m, n, k] = bf16_product_sizes(call);
  return kernels.linear_bf16_workspace_bytes(m, n, k, call.threads);
}

// dw = dy^T x; both begin with the contracted dims.
Matmul weight_grad_product(const KernelCall& call) {
  const Operand &dy = call.inputs[0], &x = call.inputs[1];
  const int64_t k = extent(dy, call.attributes->get_names("contract"));
  const int64_t m = divided(dy.count(), k), n = divided(x.count(), k);
  return {.m = m,
          .n = n,
          .k = k,
          .a = f32(dy),
          .lda = m,
          .transpose_a = true,
          .b = f32(x),
          .ldb = n,
          .transpose_b = false,
          .c = f32(call.outputs[0]),
          .ldc = n,
          .accumulate = call.adds_to(0)};
}

void run_weight_grad(const Kernels& kernels, const KernelCall& call) {
  kernels.matmul(weight_grad_product(call), call.workspace, call.threads);
}

size_t weight_grad_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  return kernels.matmul_workspace_bytes(weight_grad_product(call), call.threads);
}

void run_bias_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &dy = call.inputs[0], &db = call.outputs[0];
  const int64_t d = db.count(), n = divided(dy.count(), d);
  kernels.sum_rows(f32(dy), n, d, f32(db), call.adds_to(0), call.threads);
}

// Row by row; y may be x, and bias too where there is one row.
void run_add_bias(const Kernels& kernels, const KernelCall& call) {
  const Operand &x = call.inputs[0], &bias = call.inputs[1], &y = call.outputs[0];
  const int64_t d = bias.count(), rows = divided(x.count(), d);
  for (int64_t row = 0; row < rows; ++row) {
    kernels.add(f32(x) + row * d, f32(bias), d, f32(y) + row * d, call.threads);
  }
}

constexpr Launch kLinearLaunches[] = {
    {OpKind::kLinear, run_linear, linear_workspace_bytes},
    {OpKind::kLinearWeightGrad, run_weight_grad, weight_grad_workspace_bytes},
    {OpKind::kBiasGrad, run_bias_grad},
    {OpKind::kAddBias, run_add_bias},
};

}  // namespace

std::span<const Launch> linear_launches() { return kLinearLaunches; }

}  // namespace tutti::cpu
