#include "program/program.h"

#include <fmt/format.h>

#include <array>

#include "base/status.h"

namespace tutti {

std::string_view memory_region_name(MemoryRegion region) {
  constexpr std::array<std::string_view, 4> kNames = {"persistent", "slot", "scratch", "io"};
  return kNames[static_cast<size_t>(region)];
}

BufferId Program::find(std::string_view buffer_name) const {
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].name == buffer_name) return BufferId(static_cast<int64_t>(i));
  }
  return BufferId();
}

BufferId Program::find_copy(std::string_view buffer_name) const {
  for (int chunk = 0; chunk < pipeline.chunks; ++chunk) {
    const int position = pipeline.position(stage, chunk);
    const BufferId copy = find(fmt::format("{}@{}", buffer_name, position));
    if (copy.valid()) return copy;
  }
  return BufferId();
}

int64_t Program::slot_bytes() const {
  int64_t bytes = 0;
  for (const SlotClass& slots : slot_classes) bytes += slots.bytes * slots.count;
  return bytes;
}

int64_t Program::slot_offset(int slot_class, int slot) const {
  int64_t offset = slots_offset();
  for (int c = 0; c < slot_class; ++c) {
    offset +=
        slot_classes[static_cast<size_t>(c)].bytes * slot_classes[static_cast<size_t>(c)].count;
  }
  return offset + slot_classes[static_cast<size_t>(slot_class)].bytes * slot;
}

int64_t arena_offset(const Program& program, const Buffer& buffer, int rank, int microbatch,
                     const std::vector<int>& slots) {
  const Address& address = buffer.address;
  const int64_t within =
      address.offset + program.mesh.group_index(rank, address.part) * buffer.bytes;
  switch (address.region) {
    case MemoryRegion::kPersistent:
      return within;
    case MemoryRegion::kScratch:
      return program.scratch_offset() + within;
    case MemoryRegion::kIo:
      return program.io_offset() + within +
             (address.per_microbatch ? microbatch * aligned(buffer.bytes) : 0);
    case MemoryRegion::kSlot:
      break;
  }
  const int slot = slots[static_cast<size_t>(address.slot_class)];
  TUTTI_CHECK(slot >= 0, "microbatch {} holds no slot of {} for %{}", microbatch,
              program.slot_classes[static_cast<size_t>(address.slot_class)].name, buffer.name);
  return program.slot_offset(address.slot_class, slot) + within;
}

}  // namespace tutti
