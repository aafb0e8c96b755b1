// Lanes with a name in traces, alone or with the communicator that their jobs use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collective/call.h"
#include "comm/communicator.h"
#include "comm/lane.h"
#include "telemetry/spans.h"

namespace tutti {

struct TracedLane {
  std::unique_ptr<Lane> lane;
  LaneId span_lane;
};
// `name` is the thread's, `span_name` the trace's. `spans` may be null.
TracedLane make_lane(const std::string& name, const std::string& span_name, SpanRecorder* spans);

struct GroupLane {
  std::unique_ptr<Communicator> communicator;
  TracedLane lane;  // last: its jobs end before the communicator goes
};
// For `ranks` of the world, all of which make this call with the same `calls` of a step, or the
// error names the first that differs.
Result<GroupLane> make_group_lane(World& world, const std::vector<int>& ranks,
                                  const std::string& name, const std::vector<Call>& calls,
                                  const std::string& span_name, SpanRecorder* spans);

}  // namespace tutti
