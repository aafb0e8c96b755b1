// The ops that one stage runs, in its bodies, with variadic ops reduced to what lives on the stage,
// and the transfers that it takes part in.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "plan/plan.h"

namespace tutti {

// A body's place in execution order.
enum class BodyKind : uint8_t { kPrologue, kForward, kBackward, kBackwardWeight, kEpilogue };
inline constexpr size_t kBodyKinds = 5;

struct Transfer {
  ValueId value;  // what lies on this stage: the source when sending, the copy when receiving
  int peer_stage = -1;
  bool sends = false;
  BodyKind body = BodyKind::kForward;
  std::string tag;
};

struct StageOps {
  std::vector<Op> bodies[kBodyKinds];
  std::vector<Transfer> transfers;
};

StageOps stage_ops(const Graph& graph, const Plan& plan, int stage);
std::string body_name(BodyKind kind, bool split_backward);

}  // namespace tutti
