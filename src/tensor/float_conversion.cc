#include "tensor/float_conversion.h"

#include <bit>
#include <cstring>

namespace tutti {
namespace {

template <typename Convert>
void each_to_f32(std::span<const char> bytes, std::span<float> values, Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    values[i] = convert(bits);
  }
}

template <typename Convert>
void each_from_f32(std::span<const float> values, std::span<char> bytes, Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = convert(values[i]);
    std::memcpy(bytes.data() + i * sizeof(bits), &bits, sizeof(bits));
  }
}

void check_sizes(DType dtype, size_t bytes, size_t values) {
  TUTTI_CHECK(bytes == values * dtype_bytes(dtype), "{} bytes for {} values of {}", bytes, values,
              dtype_name(dtype));
}

}  // namespace

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);  // a quiet NaN
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float f16_to_f32(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00) {  // infinite or NaN
    return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  }
  // The exponent's bias is 112 larger; multiplying makes subnormal numbers right too.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | sign);
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00;  // from 65520 on
  if (magnitude < 0x38800000u) {
    // Below the smallest normal F16: the sum with 0.5 has the step of subnormal ones, 2^-24.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

void convert_to_f32(DType dtype, std::span<const char> bytes, std::span<float> values) {
  check_sizes(dtype, bytes.size(), values.size());
  if (dtype == DType::kBF16) return each_to_f32(bytes, values, bf16_to_f32);
  if (dtype == DType::kF16) return each_to_f32(bytes, values, f16_to_f32);
  TUTTI_CHECK(dtype == DType::kF32, "{}", dtype_name(dtype));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

void convert_from_f32(DType dtype, std::span<const float> values, std::span<char> bytes) {
  check_sizes(dtype, bytes.size(), values.size());
  if (dtype == DType::kBF16) return each_from_f32(values, bytes, f32_to_bf16);
  if (dtype == DType::kF16) return each_from_f32(values, bytes, f32_to_f16);
  TUTTI_CHECK(dtype == DType::kF32, "{}", dtype_name(dtype));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
}

}  // namespace tutti
