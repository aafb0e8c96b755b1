// Where a model's tensors come from, by the model's own names: a checkpoint, or a directory in
// Hugging Face's conventions. Whoever loads a model needs no more than this.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "checkpoint/box.h"
#include "tensor/shape.h"

namespace tutti {

struct TensorType {
  DType dtype = DType::kF32;
  Sizes sizes;
};

// Not thread-safe.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  // What errors call it.
  virtual const std::string& directory() const = 0;
  // Nothing when there is no tensor of this name.
  virtual std::optional<TensorType> type_of(const std::string& name) const = 0;
  // Fills `out`, dense and row-major, with all of the tensor. kNotFound: no such tensor. Requires
  // out of the tensor's size.
  virtual Status read(const std::string& name, std::span<char> out) = 0;
  // The same for the elements of `boxes`, each dense and row-major, box after box.
  // kInvalidArgument: a box that does not lie in the tensor. Unless a source overrides it this
  // reads all of the tensor, into memory of its own (kResource).
  virtual Status read_boxes(const std::string& name, std::span<const Box> boxes,
                            std::span<char> out);
};

enum class StoredAs {
  kSameType,
  kAnyFloat,  // also another one of the floating-point types
};

// Whether `source` has the tensor `name` as `wanted`, in what `stored_as` allows it to be stored
// as: kNotFound without it, kInvalidArgument with another dtype or other sizes.
Status check_stored(const TensorSource& source, const std::string& name, const TensorType& wanted,
                    StoredAs stored_as = StoredAs::kSameType);

}  // namespace tutti
