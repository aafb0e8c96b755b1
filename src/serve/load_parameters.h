// Fills a model's parameters from a source that may keep them in another dtype.
#pragma once

#include <vector>

#include "checkpoint/tensor_source.h"
#include "train/model_tensors.h"

namespace tutti {

// Each tensor gets that of its name in the source; between the floating-point types it is rounded
// to nearest with ties to even, or widened. The first that is missing, or has another dtype or
// other sizes, is an error that names it, before any is changed. While it runs it takes memory for
// the largest tensor that it converts; kResource when that is not there.
Status load_parameters(TensorSource& source, const std::vector<ModelTensor>& tensors);

}  // namespace tutti
