// MPI's words: element types, reductions, errors.
#pragma once

#include <mpi.h>

#include <string_view>

#include "base/status.h"
#include "collective/placement.h"
#include "tensor/dtype.h"

namespace tutti {

// F16 and BF16 are 16-bit words to MPI.
MPI_Datatype mpi_type(DType dtype);

// kUnavailable with MPI's text, unless `code` is MPI_SUCCESS: what fails here is a connection.
Status mpi_status(int code, std::string_view what);

// MPI's own operations where they compute what this project means; of ours (comm/reduce.h) where
// they do not: MPI knows no 16-bit floating-point types, and its maximum may lose a NaN. A result
// in 16 bits is rounded for each pair. Requires that MPI lives as long as this.
class MpiReductions {
 public:
  MpiReductions();
  ~MpiReductions();
  MpiReductions(const MpiReductions&) = delete;
  MpiReductions& operator=(const MpiReductions&) = delete;

  MPI_Op op(DType dtype, Reduce reduce) const;

 private:
  MPI_Op bf16_sum_;
  MPI_Op f16_sum_;
  MPI_Op bf16_max_;
  MPI_Op f16_max_;
  MPI_Op f32_max_;
  MPI_Op f64_max_;
};

}  // namespace tutti
