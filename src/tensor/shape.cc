#include "tensor/shape.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace tutti {
namespace {

// False when the product of the sizes with `scale` does not fit.
bool multiply_all(const Sizes& sizes, int64_t scale, int64_t& count) {
  count = 1;
  // An empty tensor is empty whatever its other sizes are; without this their product might not
  // fit.
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) {
    count = 0;
    return true;
  }
  for (const int64_t size : sizes) {
    if (__builtin_mul_overflow(count, size, &count)) return false;
  }
  int64_t scaled;
  return !__builtin_mul_overflow(count, scale, &scaled);
}

}  // namespace

Result<int64_t> checked_element_count(const Sizes& sizes, DType dtype) {
  for (const int64_t size : sizes) {
    if (size < 0) return invalid("sizes {}: {} is negative", sizes_text(sizes), size);
  }
  int64_t count;
  if (!multiply_all(sizes, static_cast<int64_t>(dtype_bytes(dtype)), count)) {
    return invalid("sizes {} of {}: more bytes than fit in 63 bits", sizes_text(sizes),
                   dtype_name(dtype));
  }
  return count;
}

int64_t element_count(const Sizes& sizes) {
  int64_t count;
  const bool fits = multiply_all(sizes, 1, count);
  TUTTI_CHECK(fits && count >= 0, "sizes {}", sizes_text(sizes));
  return count;
}

Sizes dense_strides(const Sizes& sizes) {
  Sizes strides(sizes.size());
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

std::string sizes_text(const Sizes& sizes) { return fmt::format("[{}]", fmt::join(sizes, ", ")); }

}  // namespace tutti
