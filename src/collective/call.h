// The calls that ranks make together: their vocabulary, and what they cost on the wire.
//
// The bytes are those of the bandwidth-optimal algorithms (Thakur, Rabenseifner and Gropp, 2005,
// section 4), which is also what every backend moves: a reduction is scattered in pieces and
// gathered.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "collective/placement.h"
#include "tensor/dtype.h"

namespace tutti {

enum class CallKind : uint8_t {
  kAllReduce,
  kReduceScatter,
  kAllGather,
  kAllToAll,
  kAllToAllV,
  kBroadcast,
  kSend,
  kReceive,
  kSendReceive,
  kBarrier,
};
inline constexpr size_t kCallKinds = 10;
std::string_view call_name(CallKind kind);  // "all_reduce"

// One call as all ranks of its group must agree on it.
struct Call {
  CallKind kind = CallKind::kBarrier;
  DType dtype = DType::kF32;
  // Elements that one rank gives: all_reduce, broadcast and messages: all of them; reduce_scatter:
  // those it gets; all_gather: those it has; all_to_all: those of one pair.
  int64_t count = 0;
  Reduce reduce = Reduce::kNone;
  int root = -1;     // broadcast
  std::string name;  // of the value

  friend bool operator==(const Call&, const Call&) = default;
};

// "all_reduce of %loss: 1 x f32, sum"
std::string to_string(const Call& call);

// Bytes that all ranks of a group of `size` send together for one call; kAllToAllV is not known
// from its call, and 0 here. A send counts on the sender's side.
int64_t wire_bytes(const Call& call, int size);

// Calls and bytes by kind.
struct WireCount {
  std::array<int64_t, kCallKinds> calls = {};
  std::array<int64_t, kCallKinds> bytes = {};

  int64_t total_bytes() const;
  WireCount& operator+=(const WireCount& other);
  WireCount& operator-=(const WireCount& other);
};

}  // namespace tutti
