// tutti data inspect: what sets of tokens hold, and what a run will take of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

struct InspectFlags {
  std::string path, tokenizer;
  std::vector<std::string> overrides;
  int samples = 2;
  int sample_tokens = 64;
  uint64_t seed = 0;
};

// Prints; returns the exit status.
Result<int> inspect_data(FileSystem& fs, const InspectFlags& flags, bool json);

}  // namespace tutti
