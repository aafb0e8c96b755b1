#include "execute/traced_lane.h"

#include "comm/call_check.h"

namespace tutti {

TracedLane make_lane(const std::string& name, const std::string& span_name, SpanRecorder* spans) {
  TracedLane made{std::make_unique<Lane>(name), {}};
  if (spans != nullptr) made.span_lane = spans->lane(span_name);
  return made;
}

Result<GroupLane> make_group_lane(World& world, const std::vector<int>& ranks,
                                  const std::string& name, const std::vector<Call>& calls,
                                  const std::string& span_name, SpanRecorder* spans) {
  GroupLane made;
  TUTTI_ASSIGN(made.communicator, world.create_group(ranks, name));
  TUTTI_TRY(check_call_sequence(*made.communicator, calls));
  made.lane = make_lane(name, span_name, spans);
  return made;
}

}  // namespace tutti
