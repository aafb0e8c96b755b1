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
// What threads, libraries and the program's own data may still take of a limit of this process;
// where they do not get it, libraries that do not expect that crash.
inline constexpr uint64_t kProcessReserve = uint64_t{64} << 20;
// The same, or less where the limits of this process alone (RLIMIT_DATA, RLIMIT_AS) leave less
// beside kProcessReserve.
AvailableMemory process_memory(const std::string& root = "");

// The resident set of this process now; nothing where the kernel does not tell.
std::optional<int64_t> resident_bytes(const std::string& root = "");

}  // namespace tutti
