#include "checkpoint/tensor_source.h"

#include <cstring>

#include "tensor/arena.h"

namespace tutti {
namespace {

bool is_float16_or_32(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

}  // namespace

Status TensorSource::read_boxes(const std::string& name, std::span<const Box> boxes,
                                std::span<char> out) {
  const std::optional<TensorType> type = type_of(name);
  if (!type) return not_found("{}: no tensor \"{}\"", directory(), name);
  const Box whole = whole_box(type->sizes);
  if (boxes.empty()) return {};
  if (boxes.size() == 1 && boxes.front() == whole) return read(name, out);
  const size_t element = dtype_bytes(type->dtype);
  const auto bytes = static_cast<size_t>(element_count(type->sizes)) * element;
  TUTTI_ASSIGN(const Arena buffer, Arena::create(bytes));
  TUTTI_TRY(read(name, {buffer.data(), bytes}));
  return for_each_run_of(boxes, type->sizes, fmt::format("{}: tensor \"{}\"", directory(), name),
                         [&](int64_t from, int64_t to, int64_t count) {
                           std::memcpy(out.data() + static_cast<size_t>(to) * element,
                                       buffer.data() + static_cast<size_t>(from) * element,
                                       static_cast<size_t>(count) * element);
                         });
}

Status check_stored(const TensorSource& source, const std::string& name, const TensorType& wanted,
                    StoredAs stored_as) {
  const std::optional<TensorType> stored = source.type_of(name);
  if (!stored) {
    return not_found("{}: no tensor \"{}\", which the model has", source.directory(), name);
  }
  const bool fits = stored->dtype == wanted.dtype ||
                    (stored_as == StoredAs::kAnyFloat && is_float16_or_32(stored->dtype) &&
                     is_float16_or_32(wanted.dtype));
  if (fits && stored->sizes == wanted.sizes) return {};
  return invalid("{}: tensor \"{}\" is {}{}, the model has {}{}", source.directory(), name,
                 dtype_name(stored->dtype), sizes_text(stored->sizes), dtype_name(wanted.dtype),
                 sizes_text(wanted.sizes));
}

}  // namespace tutti
