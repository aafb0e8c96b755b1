// What this version can train: ranks that keep everything in memory. A setting beyond that is an
// error, not a silent fallback. Pure functions; thread-safe.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "program/report.h"
#include "tensor/available_memory.h"
#include "train/config.h"

namespace tutti {

// Requires a checked config. The message names the key, its value and what to set.
Status check_runnable(const Config& config);

// kResource when the arenas of `ranks` on this machine and the staging memory of each one's
// checkpoints together are more than `available`; the message has one rank's numbers by kind.
Status check_memory(const MemoryReport& plan, int64_t arenas_bytes, int64_t staging_bytes,
                    int ranks, const AvailableMemory& available);

}  // namespace tutti
