// One contiguous region of memory, from which a run's buffers are cut at offsets fixed beforehand.
//
// The region is aligned to 2 MiB and asks for huge pages; it begins as zeros. It is unmapped when
// the arena is destroyed. After creation an arena is constant: any thread may use any part of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace tutti {

class Arena {
 public:
  // Exactly `bytes` (the mapping is rounded up to a page). kResource, before anything is taken,
  // when the machine or a cgroup does not have them.
  static Result<Arena> create(uint64_t bytes);

  Arena() = default;
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  ~Arena();

  char* data() const { return data_; }  // null when empty
  uint64_t bytes() const { return bytes_; }

  // Touches every page once from `threads` threads, so that the memory is there before the first
  // step and each page lies near the thread that will use it (equal ranges, in order).
  void first_touch(int threads) const;

 private:
  Arena(char* data, uint64_t bytes, uint64_t mapped_bytes)
      : data_(data), bytes_(bytes), mapped_bytes_(mapped_bytes) {}

  char* data_ = nullptr;
  uint64_t bytes_ = 0;
  uint64_t mapped_bytes_ = 0;
};

}  // namespace tutti
