// Elements of a buffer as bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor/dtype.h"

namespace tutti {

inline int64_t bytes_of(int64_t count, DType dtype) {
  return count * static_cast<int64_t>(dtype_bytes(dtype));
}

inline const char* at(const void* data, int64_t bytes) {
  return static_cast<const char*>(data) + bytes;
}
inline char* at(void* data, int64_t bytes) { return static_cast<char*>(data) + bytes; }

// Nothing when there is nothing to copy, or it is there already.
inline void copy(void* to, const void* from, int64_t bytes) {
  if (bytes > 0 && to != from) std::memcpy(to, from, static_cast<size_t>(bytes));
}

}  // namespace tutti
