// Whether a run can begin: that it has data, and the memory that it plans. Pure functions;
// thread-safe.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "program/report.h"
#include "tensor/available_memory.h"
#include "train/config.h"

namespace tutti {

// Requires a checked config. The message names the key, its value and what to set.
Status check_runnable(const Config& config);

// Bytes that ranks take of one memory.
struct MemoryNeed {
  int64_t arena_bytes = 0;
  int64_t host_bytes = 0;     // offloaded to the host's memory
  int64_t staging_bytes = 0;  // of checkpoints
  int ranks = 1;
  bool offloads_all = false;  // nothing more can be offloaded

  int64_t total() const { return arena_bytes + host_bytes + staging_bytes; }
};

// kResource when that is more than `available`; the message has one rank's numbers by kind.
Status check_memory(const MemoryReport& plan, const MemoryNeed& need,
                    const AvailableMemory& available);

}  // namespace tutti
