// Whether the ranks of a group make the same calls: by any backend, before or at a call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "comm/communicator.h"

namespace tutti {

// A rank of the world and what it calls.
struct RankCall {
  int rank;
  std::string call;
};

// kInvalidArgument: "rank 3 calls all_reduce of %a: 4 x f32, sum; rank 0 calls ...".
Error calls_differ(std::string_view group, int64_t number, const RankCall& a, const RankCall& b);

// Called by all ranks of the group with the calls that each is going to make on it; a message is
// one that both sides name alike. Compares digests; when they are not equal, every rank gets the
// same kInvalidArgument, which names the first call that differs and two ranks with their calls.
// The group stays usable then.
Status check_call_sequence(Communicator& group, std::span<const Call> calls);

}  // namespace tutti
