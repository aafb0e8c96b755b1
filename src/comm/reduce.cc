#include "comm/reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/status.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

// A block is added up in the first-level cache, so that each operand is read and each result
// written once.
constexpr int64_t kBlockBytes = 16384;

// Results of which so much is written leave the caches before they are read again. Writing them
// around the caches saves reading what is overwritten: all_reduce of 64 MB over 2 ranks takes 2/3
// of the time, when it is not in place.
constexpr size_t kStreamBytes = 4 << 20;

// Results that are operands are in the caches.
bool worth_streaming(std::span<const void* const> operands, std::span<void* const> results,
                     size_t bytes) {
  return bytes >= kStreamBytes &&
         std::find_first_of(operands.begin(), operands.end(), results.begin(), results.end()) ==
             operands.end();
}

#ifdef __SSE2__
// Both aligned to 16 bytes.
void stream_block(void* to, const void* from, size_t bytes) {
  const auto* const words = static_cast<const __m128i*>(from);
  const size_t count = bytes / sizeof(__m128i);
  for (size_t i = 0; i < count; ++i) {
    _mm_stream_si128(static_cast<__m128i*>(to) + i, _mm_load_si128(words + i));
  }
  const size_t done = count * sizeof(__m128i);
  std::memcpy(static_cast<char*>(to) + done, static_cast<const char*>(from) + done, bytes - done);
}
void finish_streaming() { _mm_sfence(); }
#else
void stream_block(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }
void finish_streaming() {}
#endif

// `from` is aligned to 16 bytes.
void write_block(void* to, const void* from, size_t bytes, bool stream) {
  if (stream && reinterpret_cast<uintptr_t>(to) % 16 == 0) return stream_block(to, from, bytes);
  std::memcpy(to, from, bytes);
}

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

// `to` may be `a` or `b`.
template <typename Op, typename T>
void combine(const T* a, const T* b, T* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] = Op::apply(a[i], b[i]);
}

template <typename T, typename Op>
void reduce_plain(std::span<const void* const> operands, std::span<void* const> results,
                  int64_t count) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(T);
  alignas(64) T sum[kBlock];
  const bool stream = worth_streaming(operands, results, count * sizeof(T));
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t n = std::min(kBlock, count - begin);
    const auto operand = [&](size_t i) { return static_cast<const T*>(operands[i]) + begin; };
    if (operands.size() == 1) {
      std::memcpy(sum, operand(0), n * sizeof(T));
    } else {
      combine<Op>(operand(0), operand(1), sum, n);
    }
    for (size_t i = 2; i < operands.size(); ++i) combine<Op>(sum, operand(i), sum, n);
    for (void* result : results) {
      write_block(static_cast<T*>(result) + begin, sum, n * sizeof(T), stream);
    }
  }
  if (stream) finish_streaming();
}

// BF16 and F16.
template <DType dtype, typename Op>
void reduce_widened(std::span<const void* const> operands, std::span<void* const> results,
                    int64_t count) {
  constexpr int64_t kBlock = kBlockBytes / sizeof(float);
  alignas(64) float sum[kBlock], widened[kBlock];
  alignas(64) char rounded[kBlock * sizeof(uint16_t)];
  const bool stream = worth_streaming(operands, results, count * sizeof(uint16_t));
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const auto n = static_cast<size_t>(std::min(kBlock, count - begin));
    const auto block_of = [&](const void* operand) {
      return std::span(reinterpret_cast<const char*>(static_cast<const uint16_t*>(operand) + begin),
                       n * sizeof(uint16_t));
    };
    convert_to_f32(dtype, block_of(operands[0]), {sum, n});
    for (const void* operand : operands.subspan(1)) {
      convert_to_f32(dtype, block_of(operand), {widened, n});
      combine<Op>(sum, widened, sum, static_cast<int64_t>(n));
    }
    const std::span<char> bytes(rounded, n * sizeof(uint16_t));
    convert_from_f32(dtype, {sum, n}, bytes);
    for (void* result : results) {
      write_block(static_cast<uint16_t*>(result) + begin, bytes.data(), bytes.size(), stream);
    }
  }
  if (stream) finish_streaming();
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
