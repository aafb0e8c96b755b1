// How a kernel is called, and what the compiler asks of a backend's kernels.
//
// A call carries everything that its kernel may know: operands with their local sizes, where they
// lie in the logical value (the only trace of ranks), attributes, the microbatch, and a workspace
// that the memory planner placed. A kernel allocates nothing and returns nothing to the host.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/attributes.h"
#include "ir/graph.h"
#include "ir/op_kind.h"
#include "tensor/dtype.h"

namespace tutti {

struct Operand {
  void* data = nullptr;  // dense, row-major over `sizes`
  DType dtype = DType::kF32;
  std::vector<std::string> dims;
  std::vector<int64_t> sizes;         // on this rank
  std::vector<int64_t> global_sizes;  // of the logical value (one microbatch)
  std::vector<int64_t> offsets;       // global index of this rank's first element, by dim
  bool counted = true;  // false: a replica that a sum over ranks must leave out (sum_squares)

  int64_t count() const {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    return n;
  }
  int dim(std::string_view name) const {
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == name) return static_cast<int>(i);
    }
    return -1;
  }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

struct KernelCall {
  OpKind kind = OpKind::kAdd;
  const Attributes* attributes = nullptr;
  std::span<const Operand> inputs;
  std::span<const Operand> outputs;
  // Outputs that are the storage of an accumulator (bit i for output i), and whether to add to it.
  uint32_t accumulators = 0;
  bool accumulate = false;
  int64_t microbatch = 0;
  int64_t coordinate = 0;  // of this rank along the op's attribute `axes`; 0 without one
  void* workspace = nullptr;
  int threads = 0;  // 0: as many as the backend was made for

  bool adds_to(size_t output) const { return accumulate && (accumulators >> output & 1u); }
};

// Implemented by each backend (kernels/), used by program/ to plan memory. Thread-safe.
class KernelNeeds {
 public:
  virtual ~KernelNeeds() = default;
  // Scratch bytes for a call; the operands' data pointers are null.
  virtual size_t workspace_bytes(const KernelCall& call) const = 0;
};

}  // namespace tutti
