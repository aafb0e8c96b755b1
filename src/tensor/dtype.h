// Element types. Names in text and configs are the lower-case ones below ("f32", "bf16").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tutti {

enum class DType : uint8_t { kF32, kBF16, kF16, kF64, kI64, kI32, kU16, kU8 };

struct DTypeInfo {
  DType dtype;
  std::string_view name;         // in the textual form of graphs and programs
  std::string_view safetensors;  // in a safetensors header
  size_t bytes;
  bool floating;
};

inline constexpr DTypeInfo kDTypes[] = {
    {DType::kF32, "f32", "F32", 4, true},  {DType::kBF16, "bf16", "BF16", 2, true},
    {DType::kF16, "f16", "F16", 2, true},  {DType::kF64, "f64", "F64", 8, true},
    {DType::kI64, "i64", "I64", 8, false}, {DType::kI32, "i32", "I32", 4, false},
    {DType::kU16, "u16", "U16", 2, false}, {DType::kU8, "u8", "U8", 1, false},
};

constexpr const DTypeInfo& dtype_info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }
constexpr size_t dtype_bytes(DType dtype) { return dtype_info(dtype).bytes; }
constexpr std::string_view dtype_name(DType dtype) { return dtype_info(dtype).name; }

constexpr std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeInfo& info : kDTypes) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

}  // namespace tutti
