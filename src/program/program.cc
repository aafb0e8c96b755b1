#include "program/program.h"

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

int64_t Buffer::elements() const { return bytes / static_cast<int64_t>(dtype_bytes(type.dtype)); }

LaneKind lane_of(OpKind kind) {
  if (is_copy(kind)) return LaneKind::kCopy;
  return is_communication(kind) ? LaneKind::kCommunication : LaneKind::kCompute;
}

std::string Instruction::lane_name() const {
  if (lane == LaneKind::kCompute) return "";
  if (lane == LaneKind::kCommunication) return attributes.get_string("axes");
  return kind == OpKind::kFetch ? "copy in" : "copy out";
}

// Of the classes before `end` that are offloaded, or are not.
static int64_t bytes_of_slots(const Program& program, size_t end, bool offloaded) {
  int64_t bytes = 0;
  for (size_t c = 0; c < end; ++c) {
    const SlotClass& slots = program.slot_classes[c];
    if (slots.offloaded == offloaded) bytes += slots.bytes * slots.count;
  }
  return bytes;
}

int64_t Program::slot_bytes() const { return bytes_of_slots(*this, slot_classes.size(), false); }

int64_t Program::offloaded_slot_bytes() const {
  return bytes_of_slots(*this, slot_classes.size(), true);
}

Location Program::slot_location(int slot_class, int slot) const {
  const auto number = static_cast<size_t>(slot_class);
  const SlotClass& slots = slot_classes[number];
  const int64_t first = slots.offloaded ? offloaded_persistent_bytes : persistent_bytes;
  return {slots.offloaded,
          first + bytes_of_slots(*this, number, slots.offloaded) + slots.bytes * slot};
}

Location locate(const Program& program, const Buffer& buffer, int rank, int microbatch,
                const std::vector<int>& slots) {
  const Address& address = buffer.address;
  const int64_t within =
      address.offset + program.mesh.group_index(rank, address.part) * address.part_bytes;
  switch (address.region) {
    case MemoryRegion::kPersistent:
      return {address.offloaded, within};
    case MemoryRegion::kScratch:
      return {false, program.scratch_offset() + within};
    case MemoryRegion::kIo:
      return {false, program.io_offset() + within +
                         (address.per_microbatch ? microbatch * aligned(buffer.bytes) : 0)};
    case MemoryRegion::kSlot:
      break;
  }
  const int slot = slots[static_cast<size_t>(address.slot_class)];
  TUTTI_CHECK(slot >= 0, "microbatch {} holds no slot of {} for %{}", microbatch,
              program.slot_classes[static_cast<size_t>(address.slot_class)].name, buffer.name);
  return program.slot_location(address.slot_class, slot) + within;
}

int64_t arena_offset(const Program& program, const Buffer& buffer, int rank, int microbatch,
                     const std::vector<int>& slots) {
  const Location location = locate(program, buffer, rank, microbatch, slots);
  TUTTI_CHECK(!location.offloaded, "%{} is offloaded", buffer.name);
  return location.offset;
}

}  // namespace tutti
