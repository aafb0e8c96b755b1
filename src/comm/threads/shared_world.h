// What the ranks of a world of threads share: the first error, the groups, and what each rank did
// last. Thread-safe.
//
// An error closes all gates at which ranks wait for ranks that have not come. Ranks that have all
// come finish their call: they write each other's memory, which the callers own again once it
// returns.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "comm/communicator.h"
#include "comm/flight_recorder.h"
#include "comm/threads/gate.h"

namespace tutti {

class Group;

// A call as a rank waits in it.
struct WaitingCall {
  const Call& call;
  std::string_view group;
  int64_t number;
  std::span<const int> ranks;  // of the world, that take part
  // Whether ranks[i] has come. Called from any thread that runs SharedWorld::await.
  std::function<bool(size_t)> has_come;
};

class SharedWorld {
 public:
  SharedWorld(int ranks, const WorldOptions& options, Clock& clock);
  ~SharedWorld();

  int size() const { return static_cast<int>(members_.size()); }
  FlightRecorder& recorder(int rank) { return members_[static_cast<size_t>(rank)]->recorder; }

  // The group that `rank` means by its next create_group(ranks, name): all members' k-th calls for
  // the same ranks mean the same one. It lives as long as the world.
  Result<Group*> join(int rank, const std::vector<int>& ranks, const std::string& name);
  // Keeps the first error and wakes all who wait; returns the one that is kept.
  Status fail(const Status& cause);
  Status failure() const;
  // Says that no calls of `rank` follow.
  void leave(int rank);

  // Waits for `steps` of a gate that fail() closes; fails with the world's first error, which is
  // that of this call when a rank does not come in time, or has left.
  Status await(Gate& gate, int64_t steps, const WaitingCall& waiting);

 private:
  struct Member {
    Member(int recorded_calls, Clock& clock) : recorder(recorded_calls, clock) {}
    FlightRecorder recorder;
    std::atomic<bool> gone = false;
    std::map<std::vector<int>, size_t> joined;  // groups by their ranks; guarded by mutex_
  };

  bool is_hopeless(const WaitingCall& waiting) const;
  Error missing_ranks(const WaitingCall& waiting, bool timed_out);

  const double timeout_s_;
  std::vector<std::unique_ptr<Member>> members_;
  mutable std::mutex mutex_;
  Status failure_;
  std::map<std::vector<int>, std::vector<std::unique_ptr<Group>>> groups_;  // by their ranks
};

}  // namespace tutti
