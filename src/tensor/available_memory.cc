#include "tensor/available_memory.h"

#include <pthread.h>
#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace tutti {
namespace {

// Files of /proc and /sys say that they are empty, so they are read as streams, not through
// base/fs.h: they are the kernel's tables and not a disk.
std::string read_table(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A number that the text begins with, after blanks; nothing for "max" or an unreadable file.
std::optional<uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  uint64_t value;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return {};
  return value;
}

// The number after `key` at the start of a line.
std::optional<uint64_t> field(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key)) return leading_number(line.substr(key.size()));
    at = end + 1;
  }
  return {};
}

struct CgroupFiles {
  const char* limit;
  const char* usage;
  const char* droppable;  // key in memory.stat
};

constexpr CgroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                   "total_inactive_file "};
constexpr CgroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file "};

void apply_cgroup(const std::string& directory, const CgroupFiles& files, AvailableMemory& least) {
  const auto limit = leading_number(read_table(directory + "/" + files.limit));
  const auto usage = leading_number(read_table(directory + "/" + files.usage));
  if (!limit || !usage) return;
  const uint64_t droppable =
      field(read_table(directory + "/memory.stat"), files.droppable).value_or(0);
  const uint64_t used = *usage > droppable ? *usage - droppable : 0;
  const uint64_t left = *limit > used ? *limit - used : 0;
  if (left < least.bytes) least = {left, directory + "/" + files.limit};
}

// The group at `path` below `mount`, and every group around it: each one's limit holds.
void apply_cgroups(const std::string& mount, std::string path, const CgroupFiles& files,
                   AvailableMemory& least) {
  for (;;) {
    while (path.ends_with('/')) path.pop_back();
    apply_cgroup(mount + path, files, least);
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

bool lists_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

struct ProcessLimit {
  __rlimit_resource_t resource;
  const char* name;
  const char* mapped;  // key in /proc/self/status
};

// What it leaves beside what is mapped already and the reserve.
void apply_limit(const std::string& root, const ProcessLimit& of, uint64_t reserve,
                 AvailableMemory& least) {
  struct rlimit limit;
  if (::getrlimit(of.resource, &limit) != 0) return;
  const auto kib = field(read_table(root + "/proc/self/status"), of.mapped);
  if (limit.rlim_cur == RLIM_INFINITY || !kib) return;
  const uint64_t used = *kib * 1024 + reserve;
  const uint64_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
  if (left < least.bytes) least = {left, of.name};
}

}  // namespace

AvailableMemory available_memory(const std::string& root) {
  AvailableMemory least;
  if (const auto kib = field(read_table(root + "/proc/meminfo"), "MemAvailable:")) {
    least = {*kib * 1024, "MemAvailable"};
  }
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "hierarchy:controllers:path"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) apply_cgroups(root + "/sys/fs/cgroup", path, kVersion2, least);
    if (lists_memory(controllers)) {
      apply_cgroups(root + "/sys/fs/cgroup/memory", path, kVersion1, least);
    }
  }
  return least;
}

AvailableMemory process_memory(uint64_t reserve, const std::string& root) {
  AvailableMemory least = available_memory(root);
  apply_limit(root, {RLIMIT_DATA, "RLIMIT_DATA", "VmData:"}, reserve, least);
  apply_limit(root, {RLIMIT_AS, "RLIMIT_AS", "VmSize:"}, reserve, least);
  return least;
}

uint64_t process_reserve(int threads) {
  constexpr uint64_t kOther = uint64_t{32} << 20;
  constexpr uint64_t kOfThread = uint64_t{2} << 20;  // beside its stack: packed matrices
  pthread_attr_t attributes;
  size_t stack = 8 << 20;
  if (::pthread_getattr_default_np(&attributes) == 0) {
    ::pthread_attr_getstacksize(&attributes, &stack);
    ::pthread_attr_destroy(&attributes);
  }
  return kOther + static_cast<uint64_t>(threads) * (stack + kOfThread);
}

std::optional<int64_t> resident_bytes(const std::string& root) {
  const auto kib = field(read_table(root + "/proc/self/status"), "VmRSS:");
  if (!kib) return {};
  return static_cast<int64_t>(*kib) * 1024;
}

}  // namespace tutti
