#include "train/model_tensors.h"

#include <algorithm>
#include <array>

#include "tensor/arena.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

// What a tensor takes in `dtype`.
size_t bytes_in(DType dtype, const ModelTensor& tensor) {
  return static_cast<size_t>(element_count(tensor.sizes)) * dtype_bytes(dtype);
}

ModelTensor tensor_of(const Executor& executor, size_t program, const std::string& name,
                      int64_t valid_rows) {
  const Operand operand = executor.operand(program, name);
  ModelTensor tensor{name, operand.dtype, operand.sizes, {}};
  if (valid_rows >= 0) tensor.sizes[0] = valid_rows;
  tensor.bytes = {static_cast<char*>(operand.data), bytes_in(operand.dtype, tensor)};
  return tensor;
}

// Between floating-point types, through F32.
void convert(DType from, std::span<const char> bytes, DType to, std::span<char> out) {
  std::array<float, 4096> wide;
  const size_t from_bytes = dtype_bytes(from), to_bytes = dtype_bytes(to);
  const size_t count = out.size() / to_bytes;
  for (size_t i = 0; i < count; i += wide.size()) {
    const auto part = std::span(wide).first(std::min(wide.size(), count - i));
    convert_to_f32(from, bytes.subspan(i * from_bytes, part.size() * from_bytes), part);
    convert_from_f32(to, part, out.subspan(i * to_bytes, part.size() * to_bytes));
  }
}

}  // namespace

std::vector<ModelTensor> model_tensors(const Executor& executor, size_t program,
                                       const StepGraph& step, TensorSet set) {
  std::vector<ModelTensor> tensors;
  for (const ParameterInfo& info : step.model.parameters) {
    const std::string& name = step.graph.value(info.value).name;
    tensors.push_back(tensor_of(executor, program, name, info.valid_rows));
    if (set == TensorSet::kParameters) continue;
    for (const char* moment : {".m", ".v"}) {
      tensors.push_back(tensor_of(executor, program, name + moment, info.valid_rows));
    }
  }
  return tensors;
}

int64_t total_bytes(const std::vector<ModelTensor>& tensors) {
  int64_t bytes = 0;
  for (const ModelTensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.bytes.size());
  return bytes;
}

std::vector<SnapshotTensor> snapshot_tensors(const std::vector<ModelTensor>& tensors) {
  std::vector<SnapshotTensor> result;
  for (const ModelTensor& tensor : tensors) {
    result.push_back({.name = tensor.name,
                      .dtype = tensor.dtype,
                      .sizes = tensor.sizes,
                      .bytes = std::span<const char>(tensor.bytes)});
  }
  return result;
}

Status load_tensors(TensorSource& source, const std::vector<ModelTensor>& tensors,
                    StoredAs stored_as) {
  size_t largest = 0;  // of those that are converted
  for (const ModelTensor& tensor : tensors) {
    TUTTI_TRY(check_stored(source, tensor.name, {tensor.dtype, tensor.sizes}, stored_as));
    const DType stored = source.type_of(tensor.name)->dtype;
    if (stored != tensor.dtype) largest = std::max(largest, bytes_in(stored, tensor));
  }
  TUTTI_ASSIGN(const Arena buffer, Arena::create(largest));
  for (const ModelTensor& tensor : tensors) {
    const DType stored = source.type_of(tensor.name)->dtype;
    if (stored == tensor.dtype) {
      TUTTI_TRY(source.read(tensor.name, tensor.bytes));
      continue;
    }
    const std::span<char> bytes{buffer.data(), bytes_in(stored, tensor)};
    TUTTI_TRY(source.read(tensor.name, bytes));
    convert(stored, bytes, tensor.dtype, tensor.bytes);
  }
  return {};
}

}  // namespace tutti
