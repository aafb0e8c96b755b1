// MPI's words: element types, errors.
#pragma once

#include <mpi.h>

#include <string_view>

#include "base/status.h"
#include "tensor/dtype.h"

namespace tutti {

// F16 and BF16 are 16-bit words to MPI.
MPI_Datatype mpi_type(DType dtype);

// kUnavailable with MPI's text, unless `code` is MPI_SUCCESS: what fails here is a connection.
Status mpi_status(int code, std::string_view what);

}  // namespace tutti
