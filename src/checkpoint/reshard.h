// Rewriting a checkpoint as other ranks would have written it.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"

namespace tutti {

// Rewrites the checkpoint `from` (its directory, or a run's, of which the newest valid one is
// taken) into `files` equal files as a checkpoint of the run's directory `to`, which is made when
// it is not there, and verifies what it wrote. One tensor at a time is in memory; what the run left
// besides tensors is copied. kInvalidArgument: `to` holds a checkpoint or is one, or there are more
// files than elements.
Result<Checkpoint> reshard_checkpoint(FileSystem& fs, const std::string& from,
                                      const std::string& to, int files);

}  // namespace tutti
