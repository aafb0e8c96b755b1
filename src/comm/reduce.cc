#include "comm/reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/status.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

// A block is added up in the first-level cache, so that each operand is read and each result
// written once.
constexpr int64_t kBlockBytes = 16384;

struct Sum {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using Unsigned = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
    } else {
      return a + b;
    }
  }
};

struct Max {
  template <typename T>
  static T apply(T a, T b) {
    return a < b || b != b ? b : a;
  }
};

template <typename Op, typename T>
void accumulate(T* __restrict sum, const T* __restrict operand, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sum[i] = Op::apply(sum[i], operand[i]);
}

template <typename T, typename Op>
void reduce_plain(std::span<const void* const> operands, std::span<void* const> results,
                  int64_t count) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(T);
  alignas(64) T sum[kBlock];
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t n = std::min(kBlock, count - begin);
    std::memcpy(sum, static_cast<const T*>(operands[0]) + begin, n * sizeof(T));
    for (const void* operand : operands.subspan(1)) {
      accumulate<Op>(sum, static_cast<const T*>(operand) + begin, n);
    }
    for (void* result : results) {
      std::memcpy(static_cast<T*>(result) + begin, sum, n * sizeof(T));
    }
  }
}

// BF16 and F16.
template <DType dtype, typename Op>
void reduce_widened(std::span<const void* const> operands, std::span<void* const> results,
                    int64_t count) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(float);
  alignas(64) float sum[kBlock], widened[kBlock];
  alignas(64) char rounded[kBlock * sizeof(uint16_t)];
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const auto n = static_cast<size_t>(std::min(kBlock, count - begin));
    const auto block_of = [&](const void* operand) {
      return std::span(reinterpret_cast<const char*>(static_cast<const uint16_t*>(operand) + begin),
                       n * sizeof(uint16_t));
    };
    convert_to_f32(dtype, block_of(operands[0]), {sum, n});
    for (const void* operand : operands.subspan(1)) {
      convert_to_f32(dtype, block_of(operand), {widened, n});
      accumulate<Op>(sum, widened, static_cast<int64_t>(n));
    }
    const std::span<char> bytes(rounded, n * sizeof(uint16_t));
    convert_from_f32(dtype, {sum, n}, bytes);
    for (void* result : results) {
      std::memcpy(static_cast<uint16_t*>(result) + begin, bytes.data(), bytes.size());
    }
  }
}

template <typename Op>
void reduce_by(DType dtype, std::span<const void* const> operands, std::span<void* const> results,
               int64_t count) {
  switch (dtype) {
    case DType::kF32:
      return reduce_plain<float, Op>(operands, results, count);
    case DType::kBF16:
      return reduce_widened<DType::kBF16, Op>(operands, results, count);
    case DType::kF16:
      return reduce_widened<DType::kF16, Op>(operands, results, count);
    case DType::kF64:
      return reduce_plain<double, Op>(operands, results, count);
    case DType::kI64:
      return reduce_plain<int64_t, Op>(operands, results, count);
    case DType::kI32:
      return reduce_plain<int32_t, Op>(operands, results, count);
    case DType::kU16:
      return reduce_plain<uint16_t, Op>(operands, results, count);
    case DType::kU8:
      return reduce_plain<uint8_t, Op>(operands, results, count);
  }
}

}  // namespace

void reduce_elements(DType dtype, Reduce reduce, std::span<const void* const> operands,
                     std::span<void* const> results, int64_t count) {
  TUTTI_CHECK(!operands.empty() && reduce != Reduce::kNone);
  if (reduce == Reduce::kSum) return reduce_by<Sum>(dtype, operands, results, count);
  reduce_by<Max>(dtype, operands, results, count);
}

}  // namespace tutti
