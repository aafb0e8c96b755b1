// How much memory this process has, and can still take without swapping, being killed or refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tutti {

struct AvailableMemory {
  uint64_t bytes = UINT64_MAX;  // the largest number when nothing is known
  std::string limit;            // what sets it, for messages: "RLIMIT_DATA" or a cgroup's path
};

// The least of MemAvailable and of what each memory cgroup (version 1 or 2) around this process
// has left; page cache that the kernel can drop counts as left. `root` is "" but in tests.
AvailableMemory available_memory(const std::string& root = "");
// The same, or less where the limits of this process alone (RLIMIT_DATA, RLIMIT_AS) leave less
// beside `reserve` bytes.
AvailableMemory process_memory(uint64_t reserve = 0, const std::string& root = "");

// What a process takes of its limits beside tensors: the stacks of threads that are still to start,
// the code and data of libraries, its own data. Libraries that do not get it crash.
uint64_t process_reserve(int threads);

// The resident set of this process now; nothing where the kernel does not tell.
std::optional<int64_t> resident_bytes(const std::string& root = "");

}  // namespace tutti
