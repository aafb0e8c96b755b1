// How calls by op become calls of the CPU kernels: one file for each group of ops (launch_*.cc),
// each of which lists its ops in one array.
//
// A launch takes shapes from the operands and constants from the attributes. The arguments of a
// kernel are made by one function, which the size of the workspace and the run share. Operands that
// are not of the dtype that a kernel takes are a bug of the compiler.
#pragma once

#include <cstddef>
#include <span>

#include "base/status.h"
#include "kernels/cpu/kernels.h"
#include "ops/kernel_call.h"

namespace tutti::cpu {

struct Launch {
  OpKind kind;
  // `call.threads` is at least 1.
  void (*run)(const Kernels&, const KernelCall& call);
  size_t (*workspace_bytes)(const Kernels&, const KernelCall& call) = nullptr;  // null: none
};

std::span<const Launch> linear_launches();
std::span<const Launch> embedding_launches();
std::span<const Launch> norm_launches();
std::span<const Launch> rope_launches();
std::span<const Launch> attention_launches();
std::span<const Launch> elementwise_launches();
std::span<const Launch> dropout_launches();
std::span<const Launch> cross_entropy_launches();
std::span<const Launch> step_launches();
std::span<const Launch> storage_launches();

// The elements of an operand, which has this dtype.
template <typename T, DType kDType>
T* elements(const Operand& operand) {
  TUTTI_CHECK(operand.dtype == kDType, "the kernel takes {}, the operand is {}", dtype_name(kDType),
              dtype_name(operand.dtype));
  return operand.as<T>();
}
inline float* f32(const Operand& operand) { return elements<float, DType::kF32>(operand); }
inline double* f64(const Operand& operand) { return elements<double, DType::kF64>(operand); }
inline uint16_t* bf16(const Operand& operand) {
  return elements<uint16_t, DType::kBF16>(operand);
}
inline int32_t* i32(const Operand& operand) { return elements<int32_t, DType::kI32>(operand); }
inline int64_t* i64(const Operand& operand) { return elements<int64_t, DType::kI64>(operand); }

// Copies all elements unless both are one storage. Requires equal count and dtype.
void copy(const Operand& from, const Operand& to);

// Hands out parts of a call's workspace, each at a multiple of 64 bytes from its start. Over a null
// workspace it only counts, so that one piece of code sizes a workspace and uses it.
class Workspace {
 public:
  explicit Workspace(void* data) : data_(static_cast<std::byte*>(data)) {}

  void* take(size_t bytes) {
    std::byte* part = data_ == nullptr ? nullptr : data_ + bytes_;
    bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return part;
  }
  template <typename T>
  T* take(int64_t count) {
    return static_cast<T*>(take(static_cast<size_t>(count) * sizeof(T)));
  }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kAlignment = 64;

  std::byte* data_;
  size_t bytes_ = 0;
};

}  // namespace tutti::cpu
