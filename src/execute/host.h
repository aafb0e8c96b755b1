// The memory of the host as its operating system reports it. Thread-safe: nothing is kept.
#pragma once

#include <cstdint>
#include <string>

namespace tutti {

struct HostMemory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;        // the least of what the machine and each cgroup leave
  std::string available_limit;         // what sets it: "MemAvailable" or a cgroup's path
  std::string transparent_huge_pages;  // "always", "madvise", "never"; "unknown" where not told
};

// `root` is "" but in tests.
HostMemory describe_memory(const std::string& root = "");

}  // namespace tutti
