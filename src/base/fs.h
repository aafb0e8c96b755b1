// The file system, as one small interface: checkpoint, data and train touch files only through it,
// so that tests can run production code on a disk that is full, slow or loses power.
//
// A FileSystem is thread-safe; a file object is used by one thread at a time. Paths are UTF-8.
// Every error names the path and what the operating system said.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tutti {

enum class FileKind { kFile, kDirectory, kLink, kOther };  // kLink: a symbolic link

struct FileInfo {
  FileKind kind = FileKind::kFile;
  uint64_t bytes = 0;
};

struct DirectoryEntry {
  std::string name;                 // without the directory
  FileKind kind = FileKind::kFile;  // of a symbolic link itself, not of what it leads to
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual uint64_t size() const = 0;
  // Fills `out` from `offset`; reading past the end is a kCorrupt error that says so.
  virtual Status read_at(uint64_t offset, std::span<char> out) = 0;
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; unsynced data may be lost
  virtual Status append(std::string_view bytes) = 0;
  // Pushes what was appended to the disk (fsync).
  virtual Status sync() = 0;
  // Closes and reports what a late write-back failed with. No call may follow.
  virtual Status close() = 0;
};

// A whole file mapped read-only; the bytes live as long as this object.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual std::span<const char> bytes() const = 0;
};

// A lock that is held as long as this object lives.
class FileLock {
 public:
  virtual ~FileLock() = default;  // releases it
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  virtual Result<std::unique_ptr<MappedFile>> map(const std::string& path) = 0;
  // Creates or truncates.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
  // Creates when missing, else continues at the end.
  virtual Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) = 0;
  // Cuts a file to its first `bytes` bytes. Requires that it has as many.
  virtual Status truncate(const std::string& path, uint64_t bytes) = 0;
  virtual Result<FileInfo> stat(const std::string& path) = 0;  // kNotFound when missing
  // As stat, but of a symbolic link itself.
  virtual Result<FileInfo> lstat(const std::string& path) = 0;
  // What a symbolic link leads to, as it was written.
  virtual Result<std::string> read_link(const std::string& path) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;  // sorted by name
  virtual Status create_directories(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Status remove(const std::string& path) = 0;  // a file or an empty directory
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  // Takes the lock whose file is `path`, made when missing, and leaves `owner` in it for whoever
  // finds it taken: that is a kResource error, at once, which names who was left there. However a
  // process ends, its locks end with it; a file that it left behind is taken over.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path,
                                                 std::string_view owner) = 0;
};

std::unique_ptr<FileSystem> make_posix_file_system();

bool exists(FileSystem& fs, const std::string& path);
// The whole file; refused with kResource above `bytes_max`.
Result<std::string> read_file(FileSystem& fs, const std::string& path,
                              uint64_t bytes_max = 1ull << 30);
// Writes `path`.tmp, syncs it, renames it over `path` and syncs the directory: a reader sees the
// old content or the new, never a part. What is there and no file (a device, a directory) stays,
// and is an error.
Status write_file_atomic(FileSystem& fs, const std::string& path, std::string_view bytes);
// Removes a directory and what is in it, or a file; missing is success. Of symbolic links only the
// link is removed, never what it leads to.
Status remove_tree(FileSystem& fs, const std::string& path);

// Takes DIRECTORY/lock in the name of this process and host, so that no two processes write to a
// directory at once. The error says that the directory is in use, and by whom.
Result<std::unique_ptr<FileLock>> lock_directory(FileSystem& fs, const std::string& directory);

std::string join_path(std::string_view directory, std::string_view name);
std::string parent_path(std::string_view path);  // "." when there is no directory
std::string base_name(std::string_view path);
// Whether `name`, which came from outside, names a file in the directory at hand: not empty, at most
// 255 bytes, no leading dot, no `..`, slash, backslash or zero byte.
bool is_plain_file_name(std::string_view name);

}  // namespace tutti
