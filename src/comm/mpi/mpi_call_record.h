// A call as ranks send it each other to compare (WorldOptions::check_calls). Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collective/call.h"

namespace tutti {

// Of a fixed size, so that it can be gathered before anything is known of the other ranks. A name's
// end may be cut; its digest is of the whole.
struct MpiCallRecord {
  int64_t count = 0;
  uint64_t name_digest = 0;
  int32_t root = -1;
  CallKind kind = CallKind::kBarrier;
  DType dtype = DType::kF32;
  Reduce reduce = Reduce::kNone;
  uint8_t name_length = 0;
  std::array<char, 96> name = {};
};
static_assert(sizeof(MpiCallRecord) == 120);

MpiCallRecord record_of(const Call& call);

// Of a collective call, by rank of the group; `ranks` are those of the world. Group and number are
// for the message.
Status check_same_call(std::span<const MpiCallRecord> records, const std::vector<int>& ranks,
                       std::string_view group, int64_t number);

// Of a message.
struct MpiMessageEnd {
  int rank;  // of the world
  const MpiCallRecord& record;
};
Status check_message(const MpiMessageEnd& sender, const MpiMessageEnd& receiver,
                     std::string_view group, int64_t number);

}  // namespace tutti
