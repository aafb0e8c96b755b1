#include "base/fs.h"

#include <unistd.h>

#include "base/host_name.h"

namespace tutti {
namespace {

constexpr const char* kLockName = "lock";

Status write_and_close(FileSystem& fs, const std::string& path, std::string_view bytes) {
  TUTTI_ASSIGN(const std::unique_ptr<WritableFile> file, fs.create(path));
  TUTTI_TRY(file->append(bytes));
  TUTTI_TRY(file->sync());
  return file->close();
}

// `kind` is that of the name itself, so that no link leads out of the tree.
Status remove_entry(FileSystem& fs, const std::string& path, FileKind kind) {
  if (kind == FileKind::kDirectory) {
    TUTTI_ASSIGN(const std::vector<DirectoryEntry> entries, fs.list(path));
    for (const DirectoryEntry& entry : entries) {
      TUTTI_TRY(remove_entry(fs, join_path(path, entry.name), entry.kind));
    }
  }
  return fs.remove(path);
}

}  // namespace

bool exists(FileSystem& fs, const std::string& path) { return fs.stat(path).ok(); }

Result<std::string> read_file(FileSystem& fs, const std::string& path, uint64_t bytes_max) {
  TUTTI_ASSIGN(const std::unique_ptr<ReadableFile> file, fs.open(path));
  const uint64_t bytes = file->size();
  if (bytes > bytes_max) {
    return error(ErrorKind::kResource, "{}: {} bytes, more than the {} allowed here", path, bytes,
                 bytes_max);
  }
  std::string content(bytes, '\0');
  TUTTI_TRY(file->read_at(0, content));
  return content;
}

Status write_file_atomic(FileSystem& fs, const std::string& path, std::string_view bytes) {
  const Result<FileInfo> replaced = fs.stat(path);
  if (replaced.ok() && replaced->kind != FileKind::kFile) {
    return io_error("{}: is {}, expected a file or nothing", path,
                    replaced->kind == FileKind::kDirectory ? "a directory" : "no regular file");
  }
  const std::string temporary = path + ".tmp";
  Status written = write_and_close(fs, temporary, bytes);
  if (written.ok()) written = fs.rename(temporary, path);
  if (!written.ok()) {
    // On a full disk the part that was written would keep it full. The first error is the cause.
    if (exists(fs, temporary)) (void)fs.remove(temporary);
    return written;
  }
  return fs.sync_directory(parent_path(path));
}

Status remove_tree(FileSystem& fs, const std::string& path) {
  std::string root = path;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();  // "link/" is what it leads to
  const Result<FileInfo> info = fs.lstat(root);
  if (!info.ok()) {
    return info.error().kind == ErrorKind::kNotFound ? Status() : info.status();
  }
  return remove_entry(fs, root, info->kind);
}

Result<std::unique_ptr<FileLock>> lock_directory(FileSystem& fs, const std::string& directory) {
  auto lock = fs.lock(join_path(directory, kLockName),
                      fmt::format("process {} on {}", ::getpid(), host_name()));
  if (lock.ok() || lock.error().kind != ErrorKind::kResource) return lock;
  return Error{ErrorKind::kResource, fmt::format("{} is in use: {}", directory, lock.message())};
}

std::string join_path(std::string_view directory, std::string_view name) {
  if (directory.empty() || name.starts_with('/')) return std::string(name);
  std::string path(directory);
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         name.find("..") == std::string_view::npos &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace tutti
