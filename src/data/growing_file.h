// A file that is appended to through a buffer, and that a later process can go on with. Used by one
// thread at a time; `fs` must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

class GrowingFile {
 public:
  // Begins an empty file, or goes on behind the first `bytes` of the one that is there; what
  // follows them is cut off. A file that is shorter is a kCorrupt error.
  static Result<std::unique_ptr<GrowingFile>> open(FileSystem& fs, const std::string& path,
                                                   uint64_t bytes);

  Status append(std::string_view bytes);
  // Everything appended so far is on the disk when it returns.
  Status sync();
  // sync() and close; no call may follow.
  Status close();

 private:
  explicit GrowingFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
  Status flush();

  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  bool dirty_ = false;  // appended to since the last sync
};

// `value` as its bytes in memory: little endian on every machine that this runs on.
template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace tutti
