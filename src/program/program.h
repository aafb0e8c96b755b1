// A compiled step of one class of ranks (equal up to their coordinates): bodies of straight-line
// instructions, an action list that calls them, and every buffer at a fixed address.
//
// An address is (region, offset). Persistent memory lasts; a slot class holds what one microbatch
// keeps from one pass to a later one, in as many copies as the schedule has in flight; scratch
// lives within a body; io holds the step's inputs and its scalar table. What is offloaded has
// persistent memory and slots of its own, outside of the arena: fetch and store move it.
//
// A Program is a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "collective/mesh.h"
#include "collective/pipeline.h"
#include "ir/graph.h"
#include "tensor/dtype.h"

namespace tutti {

using BufferId = Id<struct BufferTag>;

enum class MemoryRegion : uint8_t { kPersistent, kSlot, kScratch, kIo };
std::string_view memory_region_name(MemoryRegion region);

struct Address {
  MemoryRegion region = MemoryRegion::kScratch;
  int slot_class = -1;          // kSlot
  int64_t offset = 0;           // bytes from the start of the region (or of the slot)
  bool per_microbatch = false;  // kIo: microbatch m lies m * bytes further
  // The rank with coordinate c along these axes finds its part c * part_bytes further.
  AxisList part = {};
  int64_t part_bytes = 0;
  bool offloaded = false;  // kPersistent, kSlot: of what lies outside of the arena
  friend bool operator==(const Address&, const Address&) = default;
};

struct Buffer {
  std::string name;  // of the value that it holds
  ValueType type;    // logical sizes
  Placement placement;
  Role role = Role::kTemporary;
  Address address;
  int64_t bytes = 0;  // on one rank

  int64_t elements() const;  // on one rank
};

enum class LaneKind : uint8_t { kCompute, kCommunication, kCopy };
LaneKind lane_of(OpKind kind);

// An instruction of a program.
struct InstructionRef {
  int body = -1;
  int index = -1;
  friend bool operator==(const InstructionRef&, const InstructionRef&) = default;
};

struct Instruction {
  OpKind kind = OpKind::kAdd;
  Attributes attributes;
  std::vector<BufferId> inputs;
  std::vector<BufferId> outputs;
  Accumulation accumulation = Accumulation::kNone;
  When when = When::kEach;
  uint32_t accumulators = 0;  // bit i: output i is an accumulator's storage
  LaneKind lane = LaneKind::kCompute;
  int block = -1;
  // Instructions in lanes that must be done before this one starts, if they are under way.
  std::vector<InstructionRef> waits = {};
  // One in a lane that may go on when its body ends: nothing that it uses is given to others then.
  bool outlasts_body = false;
  int64_t workspace_offset = 0;  // in scratch
  int64_t workspace_bytes = 0;

  // Those of one lane run in order, beside compute: the axes of communication, "copy in" and "copy
  // out" of what is offloaded; empty: compute.
  std::string lane_name() const;
};

struct Body {
  std::string name;  // prologue, F, B, Bi, Bw, epilogue
  std::vector<Instruction> instructions;
  int64_t scratch_bytes = 0;
};

enum class ActionKind : uint8_t {
  kRun,      // a body
  kSend,     // to another stage; goes on beside what follows
  kReceive,  // from another stage; goes on beside what follows
  kCopy,     // between chunks of this stage
};

struct Action {
  ActionKind kind = ActionKind::kRun;
  int body = -1;        // kRun
  BufferId buffer;      // all others: what is sent, copied, or received into
  BufferId target;      // kCopy
  int peer_stage = -1;  // kSend, kReceive
  // kSend, kReceive: the messages from one position to another, "0>1"; their order is the same on
  // both sides. Each stream has a lane.
  std::string stream = {};
  int microbatch = 0;
  bool first = false, last = false;  // kRun: of all runs of this body in a step
  // The slot of each class that this microbatch holds now; -1: none.
  std::vector<int> slots = {};
  std::vector<int> waits = {};  // sends and receives, by number of action, that must be done before
};

struct SlotClass {
  std::string name;   // "F-Bw": kept from F to Bw
  int64_t bytes = 0;  // of one slot
  int count = 0;
  bool offloaded = false;
};

// Where bytes are: at an offset of the arena, or of what is offloaded.
struct Location {
  bool offloaded = false;
  int64_t offset = 0;
  Location operator+(int64_t bytes) const { return {offloaded, offset + bytes}; }
};

struct Program {
  std::string name;
  Mesh mesh;
  int stage = 0;  // the coordinate along pp
  Pipeline pipeline;
  int microbatches = 1;
  std::vector<Buffer> buffers;
  std::vector<Body> bodies;
  std::vector<Action> actions;
  std::vector<SlotClass> slot_classes;
  int64_t persistent_bytes = 0;
  int64_t scratch_bytes = 0;
  int64_t io_bytes = 0;
  int64_t offloaded_persistent_bytes = 0;
  std::vector<BufferId> outputs;

  Buffer& buffer(BufferId id) { return buffers[static_cast<size_t>(id.index)]; }
  const Buffer& buffer(BufferId id) const { return buffers[static_cast<size_t>(id.index)]; }
  BufferId find(std::string_view buffer_name) const;  // invalid when absent

  // The arena: persistent, then slots class by class, then scratch, then io.
  int64_t slot_bytes() const;
  Location slot_location(int slot_class, int slot) const;
  int64_t scratch_offset() const { return persistent_bytes + slot_bytes(); }
  int64_t io_offset() const { return scratch_offset() + scratch_bytes; }
  int64_t total_bytes() const { return io_offset() + io_bytes; }
  // Outside of it: persistent, then slots.
  int64_t offloaded_slot_bytes() const;
  int64_t offloaded_bytes() const { return offloaded_persistent_bytes + offloaded_slot_bytes(); }
};

// Where a buffer of `rank` lies while `microbatch` is at a point where it holds `slots`.
Location locate(const Program& program, const Buffer& buffer, int rank, int microbatch,
                const std::vector<int>& slots);
// The same for one that is not offloaded, in the arena.
int64_t arena_offset(const Program& program, const Buffer& buffer, int rank, int microbatch,
                     const std::vector<int>& slots);

// Offsets in the arena are multiples of this.
inline constexpr int64_t kBufferAlignment = 64;
constexpr int64_t aligned(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

}  // namespace tutti
