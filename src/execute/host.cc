#include "execute/host.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tensor/available_memory.h"

namespace tutti {
namespace {

// The file lists the choices and puts the one in force in brackets: "always [madvise] never".
// A table of the kernel, not a disk: read as a stream, since it does not tell its size.
std::string bracketed_word(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const size_t open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "unknown";
  return line.substr(open + 1, close - open - 1);
}

}  // namespace

HostMemory describe_memory(const std::string& root) {
  HostMemory memory;
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) {
    memory.total_bytes = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes);
  }
  const AvailableMemory available = available_memory(root);
  memory.available_bytes = std::min(available.bytes, memory.total_bytes);
  memory.available_limit = available.limit;
  memory.transparent_huge_pages =
      bracketed_word(root + "/sys/kernel/mm/transparent_hugepage/enabled");
  return memory;
}

}  // namespace tutti
