// Where offloaded values are: memory that is reached by reading and writing ranges of it, never by
// address. Zeros at the start; gone with the store.
//
// Thread-safe for ranges that do not overlap.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"

namespace tutti {

class OffloadStore {
 public:
  virtual ~OffloadStore() = default;
  // Offsets and sizes in bytes, within the store.
  virtual Status read(int64_t offset, std::span<char> out) = 0;
  virtual Status write(int64_t offset, std::span<const char> in) = 0;
};

// In the host's memory. kResource, before anything is taken, when there is not enough.
Result<std::unique_ptr<OffloadStore>> make_host_store(int64_t bytes);

// In an unnamed file in `directory`, by pread and pwrite. The disk space is reserved here: a full
// disk is an error (kResource) now and not within a step. kInvalidArgument: a file system that is
// itself in memory.
Result<std::unique_ptr<OffloadStore>> make_file_store(const std::string& directory, int64_t bytes);

}  // namespace tutti
