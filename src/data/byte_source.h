// A file as a stream of bytes, decompressed when its name ends in .zst. Memory is bounded whatever
// the file holds. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `out` and returns how many bytes that is; 0 only at the end.
  virtual Result<size_t> read(std::span<char> out) = 0;
};

// Opens bytes [begin, end) of `path`. A range needs a file that is not compressed.
Result<std::unique_ptr<ByteSource>> open_byte_source(FileSystem& fs, const std::string& path,
                                                     uint64_t begin = 0, uint64_t end = UINT64_MAX);

// Reads and drops `bytes`, or all that is left.
Status skip_bytes(ByteSource& source, uint64_t bytes);

bool is_compressed(const std::string& path);

}  // namespace tutti
