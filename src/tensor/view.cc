#include "tensor/view.h"

#include <cstring>

namespace tutti {
namespace {

// The number of last dims that lie without gaps in both views, and the elements in them.
struct Run {
  size_t outer_dims;
  int64_t elements;
};

Run common_run(const TensorView& a, const TensorView& b) {
  Run run{a.sizes.size(), 1};
  while (run.outer_dims > 0) {
    const size_t dim = run.outer_dims - 1;
    const bool adjacent = a.strides[dim] == run.elements && b.strides[dim] == run.elements;
    if (a.sizes[dim] != 1 && !adjacent) break;
    run.elements *= a.sizes[dim];
    run.outer_dims = dim;
  }
  return run;
}

void copy_from_dim(const TensorView& to, const TensorView& from, size_t dim, const Run& run,
                   char* to_at, const char* from_at) {
  const size_t bytes = dtype_bytes(to.dtype);
  if (dim == run.outer_dims) {
    std::memcpy(to_at, from_at, static_cast<size_t>(run.elements) * bytes);
    return;
  }
  for (int64_t i = 0; i < to.sizes[dim]; ++i) {
    copy_from_dim(to, from, dim + 1, run, to_at, from_at);
    to_at += to.strides[dim] * static_cast<int64_t>(bytes);
    from_at += from.strides[dim] * static_cast<int64_t>(bytes);
  }
}

}  // namespace

size_t TensorView::span_bytes() const {
  if (element_count() == 0) return 0;
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
  return static_cast<size_t>(last + 1) * dtype_bytes(dtype);
}

bool TensorView::dense() const {
  if (element_count() == 0) return true;
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

TensorView dense_view(void* data, DType dtype, Sizes sizes) {
  Sizes strides = dense_strides(sizes);
  return TensorView{data, dtype, std::move(sizes), std::move(strides)};
}

TensorView narrow(const TensorView& view, size_t dim, int64_t start, int64_t length) {
  TUTTI_CHECK(dim < view.sizes.size() && start >= 0 && length >= 0 && start <= view.sizes[dim] &&
                  length <= view.sizes[dim] - start,
              "dim {} from {}, {} long, of {}", dim, start, length, sizes_text(view.sizes));
  TensorView part = view;
  part.sizes[dim] = length;
  part.data = static_cast<char*>(view.data) +
              start * view.strides[dim] * static_cast<int64_t>(dtype_bytes(view.dtype));
  return part;
}

void copy_elements(const TensorView& to, const TensorView& from) {
  TUTTI_CHECK(to.dtype == from.dtype && to.sizes == from.sizes, "{} {} from {} {}",
              dtype_name(to.dtype), sizes_text(to.sizes), dtype_name(from.dtype),
              sizes_text(from.sizes));
  if (to.element_count() == 0) return;
  copy_from_dim(to, from, 0, common_run(to, from), static_cast<char*>(to.data),
                static_cast<const char*>(from.data));
}

}  // namespace tutti
