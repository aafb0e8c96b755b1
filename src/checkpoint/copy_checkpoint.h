// A checkpoint of tensors that come from elsewhere, one at a time, so that a model larger than
// memory can be converted.
#pragma once

#include <span>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/save.h"
#include "checkpoint/tensor_source.h"

namespace tutti {

// Saves the tensors `names` of `source` into `run_dir` as save_checkpoint does, in `files` files
// that are equal, to within an element: each a range of all tensors in their order, flattened. The
// checkpoint's directory. kNotFound: a name that the source does not have. kInvalidArgument: fewer
// elements than files. kResource: not enough disk.
Result<std::string> copy_checkpoint(FileSystem& fs, const std::string& run_dir,
                                    const SnapshotState& state, TensorSource& source,
                                    std::span<const std::string> names, int files = 1);

}  // namespace tutti
