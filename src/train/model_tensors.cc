#include "train/model_tensors.h"

namespace tutti {
namespace {

ModelTensor tensor_of(const Executor& executor, size_t program, const std::string& name,
                      int64_t valid_rows) {
  const Operand operand = executor.operand(program, name);
  ModelTensor tensor{name, operand.dtype, operand.sizes, {}};
  if (valid_rows >= 0) tensor.sizes[0] = valid_rows;
  const size_t bytes =
      static_cast<size_t>(element_count(tensor.sizes)) * dtype_bytes(operand.dtype);
  tensor.bytes = {static_cast<char*>(operand.data), bytes};
  return tensor;
}

Status check_same(const TensorSource& source, const ModelTensor& tensor) {
  const std::optional<TensorType> stored = source.type_of(tensor.name);
  if (!stored) {
    return not_found("{}: no tensor \"{}\", which the model has", source.directory(), tensor.name);
  }
  if (stored->dtype == tensor.dtype && stored->sizes == tensor.sizes) return {};
  return invalid("{}: tensor \"{}\" is {}{}, the model has {}{}", source.directory(), tensor.name,
                  dtype_name(stored->dtype), sizes_text(stored->sizes),
                 dtype_name(tensor.dtype), sizes_text(tensor.sizes));
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

Status load_tensors(TensorSource& source, const std::vector<ModelTensor>& tensors) {
  for (const ModelTensor& tensor : tensors) TUTTI_TRY(check_same(source, tensor));
  for (const ModelTensor& tensor : tensors) TUTTI_TRY(source.read(tensor.name, tensor.bytes));
  return {};
}

}  // namespace tutti
