#include "execute/in_flight.h"

namespace tutti {

InFlight::InFlight(const std::vector<const Program*>& programs, SpanRecorder* spans)
    : spans_(spans) {
  for (const Program* program : programs) {
    started_.emplace_back();
    for (const Body& body : program->bodies) {
      started_.back().emplace_back(body.instructions.size());
    }
  }
}

InFlight::Started& InFlight::started(size_t program, InstructionRef ref) {
  return started_[program][static_cast<size_t>(ref.body)][static_cast<size_t>(ref.index)];
}

void InFlight::start(size_t program, InstructionRef ref, const std::vector<InstructionRef>& waits,
                     LaneJob job, SpanNameId span, bool awaited) {
  std::vector<Started> before;
  for (const InstructionRef& wait : waits) {
    const Started& other = started(program, wait);
    if (other.lane != nullptr) before.push_back(other);  // also one that failed
  }
  Lane* const lane = job.lane.lane.get();
  const auto traced = [this, before = std::move(before), run = std::move(job.run), span,
                       span_lane = job.lane.span_lane, step = step_]() -> Status {
    for (const Started& other : before) TUTTI_TRY(other.lane->wait(other.ticket));
    const ScopedSpan scoped(spans_, span_lane, span, step);
    return run();
  };
  const Lane::Ticket ticket = last_[lane] = awaited ? lane->run(traced) : lane->submit(traced);
  started(program, ref) = {lane, ticket};
}

Status InFlight::wait(size_t program, InstructionRef ref) {
  const Started& entry = started(program, ref);
  return entry.lane == nullptr ? Status() : entry.lane->wait(entry.ticket);
}

// A lane's jobs are done when its last one is.
Status InFlight::finish() {
  for (const auto& [lane, ticket] : last_) TUTTI_TRY(lane->wait(ticket));
  return {};
}

void InFlight::drain() {
  for (const auto& [lane, ticket] : last_) (void)lane->wait(ticket);
}

}  // namespace tutti
