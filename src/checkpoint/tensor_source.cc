#include "checkpoint/tensor_source.h"

namespace tutti {
namespace {

bool is_float16_or_32(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

}  // namespace

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
