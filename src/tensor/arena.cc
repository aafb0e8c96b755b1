#include "tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/format.h"
#include "tensor/available_memory.h"

namespace tutti {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kHugePageBytes = 2 << 20;
constexpr uint64_t kBytesMax = uint64_t{1} << 47;  // more than the address space of a process

// Reserves address space and gives back what lies before and after an aligned part of it.
Result<char*> reserve_aligned(uint64_t bytes) {
  const uint64_t reserved = bytes + kHugePageBytes;
  void* start =
      ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    return error(ErrorKind::kResource, "cannot map {}: {}", human_bytes(bytes),
                 system_message(errno));
  }
  const auto address = reinterpret_cast<uintptr_t>(start);
  const uintptr_t aligned = (address + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  if (aligned > address) ::munmap(start, aligned - address);
  const uint64_t tail = address + reserved - (aligned + bytes);
  if (tail > 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), tail);
  return reinterpret_cast<char*>(aligned);
}

// Maps memory at an aligned address.
Result<char*> map_aligned(uint64_t bytes) {
  TUTTI_ASSIGN(char* const data, reserve_aligned(bytes));
  constexpr int kFlags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
  if (::mmap(data, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0) == MAP_FAILED) {
    const int code = errno;
    ::munmap(data, bytes);
    return error(ErrorKind::kResource, "cannot map {}: {}", human_bytes(bytes),
                 system_message(code));
  }
  return data;
}

uint64_t mapping_bytes(uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

Status check_size(uint64_t bytes) {
  if (bytes < kBytesMax) return {};
  return error(ErrorKind::kResource, "an arena of {}: more than a process can address",
               human_bytes(bytes));
}

}  // namespace

Result<Arena> Arena::create(uint64_t bytes) {
  TUTTI_TRY(check_size(bytes));
  if (bytes == 0) return Arena();
  const AvailableMemory available = process_memory();
  const uint64_t mapped = mapping_bytes(bytes);
  if (mapped > available.bytes) {
    return error(ErrorKind::kResource, "needs {} of memory, but {} are available ({})",
                 human_bytes(bytes), human_bytes(available.bytes), available.limit);
  }
  TUTTI_ASSIGN(char* const data, map_aligned(mapped));
  (void)::madvise(data, mapped, MADV_HUGEPAGE);  // a wish: a kernel without huge pages says no
  return Arena(data, bytes, mapped);
}

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  return *this;
}

Arena::~Arena() {
  if (data_ != nullptr) ::munmap(data_, mapped_bytes_);
}

void Arena::first_touch(int threads) const {
  const auto pages = static_cast<int64_t>(mapped_bytes_ / kPageBytes);
#pragma omp parallel for num_threads(std::max(threads, 1)) schedule(static)
  for (int64_t page = 0; page < pages; ++page) {
    // A write, for a read would map the shared page of zeros; it keeps what is there.
    volatile char* byte = data_ + page * static_cast<int64_t>(kPageBytes);
    *byte = *byte;
  }
}

}  // namespace tutti
