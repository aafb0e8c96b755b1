// The FileSystem of a POSIX machine.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/format.h"
#include "base/fs.h"
#include "base/log.h"

namespace tutti {
namespace {

ErrorKind kind_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorKind::kResource;
    default:
      return ErrorKind::kIo;
  }
}

Error system_error_at(const std::string& path, const char* operation, int code) {
  return error(kind_of(code), "{}: cannot {}: {}", path, operation, system_message(code));
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags, const char* operation) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return system_error_at(path, operation, errno);
  return Descriptor(fd);
}

struct OpenFile {
  Descriptor descriptor;
  uint64_t bytes;
};

Result<OpenFile> open_to_read(const std::string& path) {
  // O_NONBLOCK: a pipe that nobody writes to is refused below, not waited for.
  TUTTI_ASSIGN(Descriptor descriptor, open_descriptor(path, O_RDONLY | O_NONBLOCK, "open"));
  struct stat status;
  if (::fstat(descriptor.get(), &status) != 0) return system_error_at(path, "stat", errno);
  if (S_ISDIR(status.st_mode)) return io_error("{}: is a directory, expected a file", path);
  // Their size is said to be 0, so they would be taken for empty files.
  if (!S_ISREG(status.st_mode)) {
    return io_error("{}: is a pipe or a device, expected a regular file", path);
  }
  return OpenFile{std::move(descriptor), static_cast<uint64_t>(status.st_size)};
}

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(std::string path, OpenFile file)
      : path_(std::move(path)), descriptor_(std::move(file.descriptor)), bytes_(file.bytes) {}

  uint64_t size() const override { return bytes_; }

  Status read_at(uint64_t offset, std::span<char> out) override {
    if (offset > bytes_ || out.size() > bytes_ - offset) return past_end(offset, out.size());
    for (size_t done = 0; done < out.size();) {
      const ssize_t n = ::pread(descriptor_.get(), out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error_at(path_, "read", errno);
      if (n == 0) return past_end(offset, out.size());  // truncated by someone since it was opened
      done += static_cast<size_t>(n);
    }
    return {};
  }

 private:
  Error past_end(uint64_t offset, size_t bytes) const {
    return corrupt("{}: wanted {} bytes at offset {}, but the file ends at {}", path_, bytes,
                   offset, bytes_);
  }

  std::string path_;
  Descriptor descriptor_;
  uint64_t bytes_;
};

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error_at(path_, "write", errno);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  Status sync() override {
    if (::fsync(descriptor_.get()) != 0) return system_error_at(path_, "sync", errno);
    return {};
  }

  Status close() override {
    // Linux releases the descriptor even when close() was interrupted.
    if (::close(descriptor_.release()) != 0 && errno != EINTR) {
      return system_error_at(path_, "close", errno);
    }
    return {};
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

class PosixMappedFile : public MappedFile {
 public:
  PosixMappedFile(char* data, size_t bytes) : data_(data), bytes_(bytes) {}
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;
  ~PosixMappedFile() override {
    if (bytes_ > 0) ::munmap(data_, bytes_);
  }
  std::span<const char> bytes() const override { return {data_, bytes_}; }

 private:
  char* data_;
  size_t bytes_;
};

// Whether `path` still names the open file.
bool is_named(const std::string& path, int fd) {
  struct stat open, named;
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

// flock() on a file, whose name goes before the lock does: who opened it by then sees that it holds
// the lock of a file that is gone.
class PosixFileLock : public FileLock {
 public:
  PosixFileLock(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  ~PosixFileLock() override {
    // Someone may have removed it, and another process have made and locked one of its own.
    if (is_named(path_, descriptor_.get())) ::unlink(path_.c_str());
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

Error held_elsewhere(const std::string& path, int fd) {
  std::array<char, 256> owner;
  const ssize_t bytes = ::pread(fd, owner.data(), owner.size(), 0);
  const std::string_view name(owner.data(), bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return error(ErrorKind::kResource, "{} is held by {}", path,
               name.empty() ? "another process" : name.substr(0, name.find('\n')));
}

// Whether the lock was taken; an error when another holds it.
Result<bool> try_lock(const std::string& path, int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return held_elsewhere(path, fd);
    // Some network and cluster file systems have no locks. That is no reason not to work there.
    if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK) {
      log_warning("{}: cannot lock ({}): nothing keeps a second process from writing here", path,
                  system_message(errno));
      return true;
    }
    return system_error_at(path, "lock", errno);
  }
  return is_named(path, fd);
}

FileKind kind_of(std::filesystem::file_type type) {
  switch (type) {
    case std::filesystem::file_type::regular:
      return FileKind::kFile;
    case std::filesystem::file_type::directory:
      return FileKind::kDirectory;
    case std::filesystem::file_type::symlink:
      return FileKind::kLink;
    default:
      return FileKind::kOther;
  }
}

FileInfo info_of(const struct stat& status) {
  FileInfo info;
  info.kind = S_ISREG(status.st_mode)   ? FileKind::kFile
              : S_ISDIR(status.st_mode) ? FileKind::kDirectory
              : S_ISLNK(status.st_mode) ? FileKind::kLink
                                        : FileKind::kOther;
  if (info.kind == FileKind::kFile) info.bytes = static_cast<uint64_t>(status.st_size);
  return info;
}

class PosixFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    TUTTI_ASSIGN(OpenFile file, open_to_read(path));
    return std::unique_ptr<ReadableFile>(new PosixReadableFile(path, std::move(file)));
  }

  Result<std::unique_ptr<MappedFile>> map(const std::string& path) override {
    TUTTI_ASSIGN(const OpenFile file, open_to_read(path));
    if (file.bytes == 0) return std::unique_ptr<MappedFile>(new PosixMappedFile(nullptr, 0));
    void* data =
        ::mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, file.descriptor.get(), /*offset=*/0);
    if (data == MAP_FAILED) return system_error_at(path, "map", errno);
    return std::unique_ptr<MappedFile>(new PosixMappedFile(static_cast<char*>(data), file.bytes));
  }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return open_to_write(path, O_TRUNC, "create");
  }

  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override {
    return open_to_write(path, O_APPEND, "open to append");
  }

  Status truncate(const std::string& path, uint64_t bytes) override {
    if (::truncate(path.c_str(), static_cast<off_t>(bytes)) != 0) {
      return system_error_at(path, "truncate", errno);
    }
    return {};
  }

  Result<FileInfo> stat(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return system_error_at(path, "stat", errno);
    return info_of(status);
  }

  Result<FileInfo> lstat(const std::string& path) override {
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) return system_error_at(path, "stat", errno);
    return info_of(status);
  }

  Result<std::string> read_link(const std::string& path) override {
    std::error_code code;
    const std::filesystem::path target = std::filesystem::read_symlink(path, code);
    if (code) return system_error_at(path, "read the link", code.value());
    return target.string();
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    std::error_code code;
    std::filesystem::directory_iterator it(path, code);
    std::vector<DirectoryEntry> entries;
    for (; !code && it != std::filesystem::directory_iterator(); it.increment(code)) {
      std::error_code gone;  // an entry may vanish between being listed and being looked at
      entries.push_back({it->path().filename().string(), kind_of(it->symlink_status(gone).type())});
    }
    if (code) return system_error_at(path, "list", code.value());
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  Status create_directories(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return system_error_at(path, "create the directory", code.value());
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) {
      return system_error_at(from, fmt::format("rename to {}", to).c_str(), errno);
    }
    return {};
  }

  Status remove(const std::string& path) override {
    if (std::remove(path.c_str()) != 0) return system_error_at(path, "remove", errno);
    return {};
  }

  Status sync_directory(const std::string& path) override {
    TUTTI_ASSIGN(const Descriptor descriptor,
                 open_descriptor(path, O_RDONLY | O_DIRECTORY, "open the directory"));
    // Some network file systems cannot sync a directory and say EINVAL; they need no sync.
    if (::fsync(descriptor.get()) != 0 && errno != EINVAL) {
      return system_error_at(path, "sync the directory", errno);
    }
    return {};
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status;
    if (::statvfs(path.c_str(), &status) != 0) {
      return system_error_at(path, "read the free space", errno);
    }
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view owner) override {
    while (true) {
      TUTTI_ASSIGN(Descriptor descriptor, open_descriptor(path, O_RDWR | O_CREAT, "create"));
      TUTTI_ASSIGN(const bool taken, try_lock(path, descriptor.get()));
      if (!taken) continue;
      // For people only: on a full disk the lock holds without it.
      if (::ftruncate(descriptor.get(), 0) != 0 ||
          ::pwrite(descriptor.get(), owner.data(), owner.size(), 0) < 0) {
        log_warning("{}: cannot write who holds the lock: {}", path, system_message(errno));
      }
      return std::unique_ptr<FileLock>(new PosixFileLock(path, std::move(descriptor)));
    }
  }

 private:
  static Result<std::unique_ptr<WritableFile>> open_to_write(const std::string& path, int flag,
                                                             const char* operation) {
    TUTTI_ASSIGN(Descriptor descriptor,
                 open_descriptor(path, O_WRONLY | O_CREAT | flag, operation));
    return std::unique_ptr<WritableFile>(new PosixWritableFile(path, std::move(descriptor)));
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace tutti
