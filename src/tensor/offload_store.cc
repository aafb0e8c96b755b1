#include "tensor/offload_store.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/format.h"
#include "tensor/arena.h"

namespace tutti {
namespace {

std::string size_text(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }

class HostStore : public OffloadStore {
 public:
  explicit HostStore(Arena arena) : arena_(std::move(arena)) {}

  Status read(int64_t offset, std::span<char> out) override {
    std::memcpy(out.data(), arena_.data() + offset, out.size());
    return {};
  }
  Status write(int64_t offset, std::span<const char> in) override {
    std::memcpy(arena_.data() + offset, in.data(), in.size());
    return {};
  }

 private:
  Arena arena_;
};

class FileStore : public OffloadStore {
 public:
  FileStore(int file, std::string directory) : file_(file), directory_(std::move(directory)) {}
  ~FileStore() override { ::close(file_); }

  Status read(int64_t offset, std::span<char> out) override {
    return transfer("read", offset, out, ::pread);
  }
  Status write(int64_t offset, std::span<const char> in) override {
    return transfer("write", offset, in, ::pwrite);
  }

 private:
  template <typename Bytes, typename Call>
  Status transfer(std::string_view verb, int64_t offset, Bytes bytes, Call call) {
    while (!bytes.empty()) {
      const ssize_t moved = call(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) {
        return io_error("{}: cannot {} {} bytes of offloaded values at {}: {}", directory_, verb,
                        bytes.size(), offset,
                        moved == 0 ? "the file ends there" : system_message(errno));
      }
      bytes = bytes.subspan(static_cast<size_t>(moved));
      offset += moved;
    }
    return {};
  }

  int file_;
  std::string directory_;  // what errors name: the file has no name
};

// Some file systems have no unnamed files: one that has lost its name is the same.
Result<int> open_unnamed(const std::string& directory) {
  const int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) {
    return io_error("{}: cannot create an unnamed file: {}", directory, system_message(errno));
  }
  std::string path = directory + "/offload-XXXXXX";
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named < 0) {
    return io_error("{}: cannot create a file: {}", directory, system_message(errno));
  }
  ::unlink(path.c_str());
  return named;
}

Status check_on_disk(int file, const std::string& directory) {
  struct statfs disk;
  if (::fstatfs(file, &disk) != 0) {
    return io_error("{}: cannot ask for its file system: {}", directory, system_message(errno));
  }
  if (disk.f_type != TMPFS_MAGIC && disk.f_type != RAMFS_MAGIC) return {};
  return invalid(
      "{}: a file system in memory (tmpfs): what is offloaded there takes the memory "
      "that it should leave; name a directory on a disk",
      directory);
}

// Asked first, because where the file system cannot reserve, posix_fallocate writes until it is
// full.
Status reserve(int file, const std::string& directory, int64_t bytes) {
  struct statvfs disk;
  const bool known = ::fstatvfs(file, &disk) == 0;
  const auto free = known ? static_cast<int64_t>(disk.f_bavail * disk.f_frsize) : INT64_MAX;
  const int code = bytes > free ? ENOSPC : ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  if (code == 0) return {};
  return error(ErrorKind::kResource, "{}: cannot reserve {} of disk for offloaded values{}: {}",
               directory, size_text(bytes),
               known ? fmt::format(" ({} are free)", size_text(free)) : "", system_message(code));
}

}  // namespace

Result<std::unique_ptr<OffloadStore>> make_host_store(int64_t bytes) {
  TUTTI_ASSIGN(Arena arena, Arena::create(static_cast<uint64_t>(bytes)));
  return std::unique_ptr<OffloadStore>(new HostStore(std::move(arena)));
}

Result<std::unique_ptr<OffloadStore>> make_file_store(const std::string& directory, int64_t bytes) {
  TUTTI_ASSIGN(const int file, open_unnamed(directory));
  auto store = std::make_unique<FileStore>(file, directory);
  TUTTI_TRY(check_on_disk(file, directory));
  if (bytes > 0) TUTTI_TRY(reserve(file, directory, bytes));
  return std::unique_ptr<OffloadStore>(std::move(store));
}

}  // namespace tutti
