// The last calls of one rank, for messages about ranks that do not come.
//
// Thread-safe: several lanes record, any thread reads. Nothing is allocated once each slot has held
// a name as long. The clock must be thread-safe and outlive the recorder.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "collective/call.h"

namespace tutti {

enum class CallState : uint8_t {
  kWaiting,  // for other ranks
  kRunning,  // moves data
  kDone,
  kFailed,
};

struct RecordedCall {
  Call call;
  std::string group;
  int64_t number = 0;  // among this rank's calls of the group, from 1
  CallState state = CallState::kWaiting;
  double begin_s = 0;  // by the clock
  double end_s = 0;    // when done or failed
};

class FlightRecorder {
 public:
  FlightRecorder(int kept, Clock& clock);  // kept >= 1

  // Records a call that begins to wait, and returns the id by which its later states are told. What
  // is told of a call that is kept no longer changes nothing.
  int64_t begin(const Call& call, std::string_view group, int64_t number);
  void set_running(int64_t id) { set_state(id, CallState::kRunning); }
  void end(int64_t id, bool ok) { set_state(id, ok ? CallState::kDone : CallState::kFailed); }

  // Oldest first.
  std::vector<RecordedCall> calls() const;
  // What the rank is at: "in send of %x (#3 of group pp) for 31.2 s", of each call that goes on;
  // else "last: all_reduce of %loss (#41 of group tp) done 31.2 s ago"; or "no call yet".
  std::string describe() const;

 private:
  void set_state(int64_t id, CallState state);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<RecordedCall> ring_;
  int64_t begun_ = 0;  // call i is in ring_[i % size]
};

}  // namespace tutti
