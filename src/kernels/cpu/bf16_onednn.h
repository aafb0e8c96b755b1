// BF16 matrix products of oneDNN on CPUs that have units for them (AMX). Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tutti::cpu {

// Whether such units are there and oneDNN uses them; without them BF16 is slower than FP32.
bool onednn_has_amx();

// y_mn += sum over `terms` of x_tmk w_nk^T, adding in FP32: the terms one after the other.
struct Bf16Product {
  int64_t m, n, k, terms;
  const uint16_t* x_tmk;
  const uint16_t* w_nk;
  float* y_mn;
};
size_t onednn_bf16_workspace_bytes(const Bf16Product&, int threads);  // pointers are not looked at
void onednn_add_bf16_products(const Bf16Product&, void* workspace, int threads);

}  // namespace tutti::cpu
