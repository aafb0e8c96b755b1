#include "telemetry/spans.h"

#include <algorithm>

namespace tutti {
namespace {

int64_t intern(std::vector<std::string>& texts, std::string_view text) {
  const auto it = std::find(texts.begin(), texts.end(), text);
  const int64_t index = it - texts.begin();
  if (it == texts.end()) texts.emplace_back(text);
  return index;
}

}  // namespace

SpanRecorder::SpanRecorder(Clock& clock, size_t capacity)
    : clock_(&clock), capacity_(capacity), spans_(std::make_unique<Span[]>(capacity)) {}

SpanNameId SpanRecorder::name(std::string_view text) { return SpanNameId(intern(names_, text)); }

LaneId SpanRecorder::lane(std::string_view text) { return LaneId(intern(lanes_, text)); }

std::span<const Span> SpanRecorder::spans() const {
  return {spans_.get(), std::min(used_.load(), capacity_)};
}

size_t SpanRecorder::dropped() const {
  const size_t used = used_.load();
  return used > capacity_ ? used - capacity_ : 0;
}

}  // namespace tutti
