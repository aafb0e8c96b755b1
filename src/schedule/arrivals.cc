#include "schedule/arrivals.h"

namespace tutti {

Arrivals::Arrivals(const Schedule& schedule, const PassTimes& times)
    : schedule_(schedule),
      times_(times),
      pipeline_(schedule.pipeline()),
      forward_(at(schedule.positions(), 0), -1.0),
      backward_(forward_) {}

std::optional<double> Arrivals::input_at(int stage, const ScheduledPass& pass) const {
  if (pass.kind == PassKind::kBackwardWeight) return 0.0;
  const int position = pipeline_.position(stage, pass.chunk);
  if (pass.kind == PassKind::kForward) {
    if (position == 0) return 0.0;
    return arrival(forward_, position - 1, position, pass.microbatch);
  }
  if (position + 1 == pipeline_.positions()) return 0.0;
  return arrival(backward_, position + 1, position, pass.microbatch);
}

void Arrivals::made(int stage, const ScheduledPass& pass, double end) {
  if (pass.kind == PassKind::kBackwardWeight) return;
  auto& made = pass.kind == PassKind::kForward ? forward_ : backward_;
  made[at(pipeline_.position(stage, pass.chunk), pass.microbatch)] = end;
}

std::optional<double> Arrivals::arrival(const std::vector<double>& made, int from, int to,
                                        int microbatch) const {
  const double end = made[at(from, microbatch)];
  if (end < 0) return std::nullopt;
  const bool near = pipeline_.stage_of(from) == pipeline_.stage_of(to);
  return near ? end : end + times_.communication;
}

size_t Arrivals::at(int position, int microbatch) const {
  return static_cast<size_t>(position) * static_cast<size_t>(schedule_.microbatches) +
         static_cast<size_t>(microbatch);
}

}  // namespace tutti
