#include "serve/load_parameters.h"

#include <algorithm>
#include <cstring>

#include "tensor/arena.h"
#include "tensor/bfloat16.h"

namespace tutti {
namespace {

bool is_weight(DType dtype) { return dtype == DType::kF32 || dtype == DType::kBF16; }

Status check(const Checkpoint& checkpoint, const ModelTensor& tensor) {
  const LogicalTensor* stored = checkpoint.find(tensor.name);
  if (stored == nullptr) {
    return not_found("{}: no tensor \"{}\", which the model has", checkpoint.directory(),
                     tensor.name);
  }
  const bool fits = stored->dtype == tensor.dtype ||
                    (is_weight(stored->dtype) && is_weight(tensor.dtype));
  if (fits && stored->sizes == tensor.sizes) return {};
  return invalid("{}: tensor \"{}\" is {}{}, the model has {}{}", checkpoint.directory(),
                 tensor.name, dtype_name(stored->dtype), sizes_text(stored->sizes),
                 dtype_name(tensor.dtype), sizes_text(tensor.sizes));
}

// Writes `count` numbers in `to`, between F32 and BF16.
void convert(const char* from, DType to, int64_t count, char* out) {
  for (int64_t i = 0; i < count; ++i) {
    if (to == DType::kBF16) {
      float wide;
      std::memcpy(&wide, from + i * 4, 4);
      const uint16_t narrow = float_to_bf16(wide);
      std::memcpy(out + i * 2, &narrow, 2);
    } else {
      uint16_t narrow;
      std::memcpy(&narrow, from + i * 2, 2);
      const float wide = bf16_to_float(narrow);
      std::memcpy(out + i * 4, &wide, 4);
    }
  }
}

size_t stored_bytes(const Checkpoint& checkpoint, const ModelTensor& tensor) {
  const LogicalTensor& stored = *checkpoint.find(tensor.name);
  return static_cast<size_t>(element_count(stored.sizes)) * dtype_bytes(stored.dtype);
}

bool is_converted(const Checkpoint& checkpoint, const ModelTensor& tensor) {
  return checkpoint.find(tensor.name)->dtype != tensor.dtype;
}

}  // namespace

Status load_parameters(Checkpoint& checkpoint, const std::vector<ModelTensor>& tensors) {
  for (const ModelTensor& tensor : tensors) TUTTI_TRY(check(checkpoint, tensor));
  size_t largest = 0;  // of those that are converted
  for (const ModelTensor& tensor : tensors) {
    if (!is_converted(checkpoint, tensor)) continue;
    largest = std::max(largest, stored_bytes(checkpoint, tensor));
  }
  TUTTI_ASSIGN(const Arena buffer, Arena::create(largest));
  for (const ModelTensor& tensor : tensors) {
    if (!is_converted(checkpoint, tensor)) {
      TUTTI_TRY(checkpoint.read(tensor.name, tensor.bytes));
      continue;
    }
    TUTTI_TRY(checkpoint.read(tensor.name, {buffer.data(), stored_bytes(checkpoint, tensor)}));
    convert(buffer.data(), tensor.dtype, element_count(tensor.sizes), tensor.bytes.data());
  }
  return {};
}

}  // namespace tutti
