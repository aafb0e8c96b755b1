#include "comm/mpi/mpi_types.h"

#include <array>

#include "comm/reduce.h"

namespace tutti {
namespace {

template <DType dtype, Reduce reduce>
void reduce_pair(void* in, void* inout, int* length, MPI_Datatype*) {
  const void* const operands[] = {in, inout};
  void* const results[] = {inout};
  reduce_elements(dtype, reduce, operands, results, *length);
}

MPI_Op make_op(MPI_User_function* function) {
  MPI_Op op;
  TUTTI_CHECK(MPI_Op_create(function, /*commute=*/1, &op) == MPI_SUCCESS);
  return op;
}

}  // namespace

MPI_Datatype mpi_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return MPI_FLOAT;
    case DType::kF64:
      return MPI_DOUBLE;
    case DType::kI64:
      return MPI_INT64_T;
    case DType::kI32:
      return MPI_INT32_T;
    case DType::kBF16:
    case DType::kF16:
    case DType::kU16:
      return MPI_UINT16_T;
    case DType::kU8:
      return MPI_UINT8_T;
  }
  return MPI_DATATYPE_NULL;
}

Status mpi_status(int code, std::string_view what) {
  if (code == MPI_SUCCESS) return {};
  std::array<char, MPI_MAX_ERROR_STRING> text;
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return error(ErrorKind::kUnavailable, "{}: MPI says {}", what,
               std::string_view(text.data(), static_cast<size_t>(length)));
}

MpiReductions::MpiReductions()
    : bf16_sum_(make_op(reduce_pair<DType::kBF16, Reduce::kSum>)),
      f16_sum_(make_op(reduce_pair<DType::kF16, Reduce::kSum>)),
      bf16_max_(make_op(reduce_pair<DType::kBF16, Reduce::kMax>)),
      f16_max_(make_op(reduce_pair<DType::kF16, Reduce::kMax>)),
      f32_max_(make_op(reduce_pair<DType::kF32, Reduce::kMax>)),
      f64_max_(make_op(reduce_pair<DType::kF64, Reduce::kMax>)) {}

MpiReductions::~MpiReductions() {
  for (MPI_Op* op : {&bf16_sum_, &f16_sum_, &bf16_max_, &f16_max_, &f32_max_, &f64_max_}) {
    MPI_Op_free(op);
  }
}

MPI_Op MpiReductions::op(DType dtype, Reduce reduce) const {
  const bool max = reduce == Reduce::kMax;
  switch (dtype) {
    case DType::kBF16:
      return max ? bf16_max_ : bf16_sum_;
    case DType::kF16:
      return max ? f16_max_ : f16_sum_;
    case DType::kF32:
      return max ? f32_max_ : MPI_SUM;
    case DType::kF64:
      return max ? f64_max_ : MPI_SUM;
    default:
      return max ? MPI_MAX : MPI_SUM;
  }
}

}  // namespace tutti
