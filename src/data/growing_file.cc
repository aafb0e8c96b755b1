#include "data/growing_file.h"

namespace tutti {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

Result<std::unique_ptr<GrowingFile>> GrowingFile::open(FileSystem& fs, const std::string& path,
                                                       uint64_t bytes) {
  if (bytes == 0) {
    TUTTI_ASSIGN(auto file, fs.create(path));
    return std::unique_ptr<GrowingFile>(new GrowingFile(std::move(file)));
  }
  TUTTI_ASSIGN(const FileInfo info, fs.stat(path));
  if (info.bytes < bytes) {
    return corrupt("{}: {} bytes, but {} of it were committed", path, info.bytes, bytes);
  }
  if (info.bytes > bytes) TUTTI_TRY(fs.truncate(path, bytes));
  TUTTI_ASSIGN(auto file, fs.open_append(path));
  return std::unique_ptr<GrowingFile>(new GrowingFile(std::move(file)));
}

Status GrowingFile::append(std::string_view bytes) {
  dirty_ = true;
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? Status() : flush();
}

Status GrowingFile::flush() {
  TUTTI_TRY(file_->append(buffer_));
  buffer_.clear();
  return Status();
}

Status GrowingFile::sync() {
  if (!dirty_) return Status();
  TUTTI_TRY(flush());
  TUTTI_TRY(file_->sync());
  dirty_ = false;
  return Status();
}

Status GrowingFile::close() {
  // Also without a change: what it was cut to must be on the disk.
  TUTTI_TRY(flush());
  TUTTI_TRY(file_->sync());
  return file_->close();
}

}  // namespace tutti
