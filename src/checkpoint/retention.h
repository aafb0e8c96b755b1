// Deleting old checkpoints, never before a newer one is known to be good.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

// Keeps the `count` newest checkpoints of `run_dir` and deletes the older ones, and what saves that
// never finished left behind; returns the directories deleted. First the newest is read back, every
// byte: when it is not what was written, nothing is deleted and the error says why (kNotFound when
// there is none). A checkpoint with a broken manifest is left for a person to look at, with a
// warning. Requires count >= 1 and that no save is in progress in `run_dir`.
Result<std::vector<std::string>> keep_last(FileSystem& fs, const std::string& run_dir, int count);

}  // namespace tutti
