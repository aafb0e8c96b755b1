// What ran when: named spans on lanes, for traces and for comparing a run with its prediction.
//
// All memory is taken at construction. add() is thread-safe, takes no lock and costs one atomic
// addition; it drops (and counts) spans beyond the capacity. Names and lanes are registered before
// threads start. spans() and clear() need the writers to be quiet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace tutti {

using SpanNameId = Id<struct SpanNameTag>;
using LaneId = Id<struct LaneTag>;

struct Span {
  SpanNameId name = {};
  LaneId lane = {};
  int64_t step = 0;
  double begin_s = 0;  // of the recorder's clock, or of a simulated one
  double end_s = 0;
};

class SpanRecorder {
 public:
  // The clock must outlive the recorder.
  SpanRecorder(Clock& clock, size_t capacity);

  // The same text gives the same id.
  SpanNameId name(std::string_view text);
  LaneId lane(std::string_view text);

  double now_s() const { return clock_->monotonic_s(); }
  void add(const Span& span) {
    const size_t index = used_.fetch_add(1, std::memory_order_relaxed);
    if (index < capacity_) spans_[index] = span;
  }

  // In the order in which they were added.
  std::span<const Span> spans() const;
  size_t dropped() const;
  void clear() { used_.store(0, std::memory_order_relaxed); }
  const std::vector<std::string>& names() const { return names_; }  // by SpanNameId
  const std::vector<std::string>& lanes() const { return lanes_; }  // by LaneId

 private:
  Clock* clock_;
  size_t capacity_;
  std::unique_ptr<Span[]> spans_;
  std::atomic<size_t> used_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> lanes_;
};

// Records the time from its construction to its destruction. Does nothing without a recorder.
class ScopedSpan {
 public:
  ScopedSpan(SpanRecorder* recorder, LaneId lane, SpanNameId name, int64_t step = 0)
      : recorder_(recorder), span_{name, lane, step, recorder ? recorder->now_s() : 0, 0} {}
  ~ScopedSpan() {
    if (recorder_ == nullptr) return;
    span_.end_s = recorder_->now_s();
    recorder_->add(span_);
  }
  ScopedSpan(const ScopedSpan&) = delete;
  ScopedSpan& operator=(const ScopedSpan&) = delete;

 private:
  SpanRecorder* recorder_;
  Span span_;
};

}  // namespace tutti
