#include "serve/load_parameters.h"

#include <algorithm>
#include <array>

#include "tensor/arena.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

bool is_weight(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

Status check(const TensorSource& source, const ModelTensor& tensor) {
  const auto stored = source.type_of(tensor.name);
  if (!stored) {
    return not_found("{}: no tensor \"{}\", which the model has", source.directory(), tensor.name);
  }
  const bool fits =
      stored->dtype == tensor.dtype || (is_weight(stored->dtype) && is_weight(tensor.dtype));
  if (fits && stored->sizes == tensor.sizes) return {};
  return invalid("{}: tensor \"{}\" is {}{}, the model has {}{}", source.directory(), tensor.name,
                 dtype_name(stored->dtype), sizes_text(stored->sizes), dtype_name(tensor.dtype),
                 sizes_text(tensor.sizes));
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

size_t stored_bytes(const TensorType& stored) {
  return static_cast<size_t>(element_count(stored.sizes)) * dtype_bytes(stored.dtype);
}

}  // namespace

Status load_parameters(TensorSource& source, const std::vector<ModelTensor>& tensors) {
  size_t largest = 0;  // of those that are converted
  for (const ModelTensor& tensor : tensors) {
    TUTTI_TRY(check(source, tensor));
    const TensorType stored = *source.type_of(tensor.name);
    if (stored.dtype != tensor.dtype) largest = std::max(largest, stored_bytes(stored));
  }
  TUTTI_ASSIGN(const Arena buffer, Arena::create(largest));
  for (const ModelTensor& tensor : tensors) {
    const TensorType stored = *source.type_of(tensor.name);
    if (stored.dtype == tensor.dtype) {
      TUTTI_TRY(source.read(tensor.name, tensor.bytes));
      continue;
    }
    const std::span<char> bytes{buffer.data(), stored_bytes(stored)};
    TUTTI_TRY(source.read(tensor.name, bytes));
    convert(stored.dtype, bytes, tensor.dtype, tensor.bytes);
  }
  return {};
}

}  // namespace tutti
