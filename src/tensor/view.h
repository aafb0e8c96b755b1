// A TensorView: where a tensor's elements lie. It owns nothing; the memory outlives it.
// Strides are in elements. A view is a value: copy it freely.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace tutti {

struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Sizes sizes;
  Sizes strides;

  int64_t element_count() const { return tutti::element_count(sizes); }
  // Bytes of the elements themselves, without gaps.
  size_t bytes() const { return static_cast<size_t>(element_count()) * dtype_bytes(dtype); }
  // From the first byte to one past the last; equal to bytes() when dense.
  size_t span_bytes() const;
  // Row-major without gaps. Strides of dims of size 1 do not matter; empty tensors are dense.
  bool dense() const;

  // T must have the size of the dtype; it is checked.
  template <typename T>
  T* as() const {
    TUTTI_CHECK(sizeof(T) == dtype_bytes(dtype), "{} bytes as {}", sizeof(T), dtype_name(dtype));
    return static_cast<T*>(data);
  }
};

TensorView dense_view(void* data, DType dtype, Sizes sizes);

// The part [start, start + length) of dim `dim`. Requires that it lies inside.
TensorView narrow(const TensorView& view, size_t dim, int64_t start, int64_t length);

// Copies the elements; sizes and dtypes must be equal, the memory must not overlap.
void copy_elements(const TensorView& to, const TensorView& from);

}  // namespace tutti
