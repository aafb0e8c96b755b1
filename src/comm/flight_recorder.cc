#include "comm/flight_recorder.h"

#include <algorithm>

#include "base/format.h"
#include "base/status.h"

namespace tutti {
namespace {

bool goes_on(const RecordedCall& recorded) {
  return recorded.state == CallState::kWaiting || recorded.state == CallState::kRunning;
}

// "all_reduce of %loss (#41 of group tp)"
std::string name_of(const RecordedCall& recorded) {
  const bool barrier = recorded.call.kind == CallKind::kBarrier;
  return fmt::format("{}{}{} (#{} of group {})", call_name(recorded.call.kind),
                     barrier ? " " : " of %", recorded.call.name, recorded.number, recorded.group);
}

}  // namespace

FlightRecorder::FlightRecorder(int kept, Clock& clock) : clock_(clock) {
  TUTTI_CHECK(kept >= 1, "kept = {}", kept);
  ring_.resize(static_cast<size_t>(kept));
}

int64_t FlightRecorder::begin(const Call& call, std::string_view group, int64_t number) {
  const double now_s = clock_.monotonic_s();
  const std::lock_guard lock(mutex_);
  RecordedCall& recorded = ring_[static_cast<size_t>(begun_) % ring_.size()];
  recorded.call = call;
  recorded.group = group;
  recorded.number = number;
  recorded.state = CallState::kWaiting;
  recorded.begin_s = now_s;
  return begun_++;
}

void FlightRecorder::set_state(int64_t id, CallState state) {
  const double now_s = clock_.monotonic_s();
  const std::lock_guard lock(mutex_);
  if (begun_ - id > static_cast<int64_t>(ring_.size())) return;
  RecordedCall& recorded = ring_[static_cast<size_t>(id) % ring_.size()];
  recorded.state = state;
  recorded.end_s = now_s;
}

std::vector<RecordedCall> FlightRecorder::calls() const {
  const std::lock_guard lock(mutex_);
  const auto size = static_cast<int64_t>(ring_.size());
  std::vector<RecordedCall> calls;
  for (int64_t id = std::max<int64_t>(0, begun_ - size); id < begun_; ++id) {
    calls.push_back(ring_[static_cast<size_t>(id % size)]);
  }
  return calls;
}

std::string FlightRecorder::describe() const {
  const std::vector<RecordedCall> recorded = calls();
  const double now_s = clock_.monotonic_s();
  std::string text;
  for (const RecordedCall& call : recorded) {
    if (!goes_on(call)) continue;
    text += fmt::format("{}in {} for {}", text.empty() ? "" : ", ", name_of(call),
                        human_duration(now_s - call.begin_s));
  }
  if (!text.empty()) return text;
  if (recorded.empty()) return "no call yet";
  const auto last = std::max_element(
      recorded.begin(), recorded.end(),
      [](const RecordedCall& a, const RecordedCall& b) { return a.end_s < b.end_s; });
  return fmt::format("last: {} {} {} ago", name_of(*last),
                     last->state == CallState::kFailed ? "failed" : "done",
                     human_duration(now_s - last->end_s));
}

}  // namespace tutti
