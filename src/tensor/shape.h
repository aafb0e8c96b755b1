// Sizes of tensors: one number a dim, the last one contiguous when dense.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"

namespace tutti {

using Sizes = std::vector<int64_t>;

// The number of elements (1 for a scalar), for sizes from outside: kInvalidArgument when one is
// negative or the tensor's bytes would not fit in 63 bits.
Result<int64_t> checked_element_count(const Sizes& sizes, DType dtype);
// The same for sizes that are known to be good; it is checked.
int64_t element_count(const Sizes& sizes);
// Strides, in elements, of the dense row-major layout.
Sizes dense_strides(const Sizes& sizes);
// "[2, 3]"
std::string sizes_text(const Sizes& sizes);

}  // namespace tutti
