// Between F32 and the 16-bit floating-point types. To 16 bits values are rounded to the nearest,
// ties to even, as PyTorch and hardware do; NaN stays NaN. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "tensor/dtype.h"

namespace tutti {

float bf16_to_f32(uint16_t bits);
float f16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);
// Beyond the largest F16, 65504 and half a step, it is infinite.
uint16_t f32_to_f16(float value);

// `dtype` is kF32, kBF16 or kF16. Requires sizes that match; `bytes` need not be aligned.
void convert_to_f32(DType dtype, std::span<const char> bytes, std::span<float> values);
void convert_from_f32(DType dtype, std::span<const float> values, std::span<char> bytes);

}  // namespace tutti
