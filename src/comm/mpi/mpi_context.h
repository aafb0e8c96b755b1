// What the communicators of one rank share with its world.
//
// Thread-safe, but for what is set while the world is made.
#pragma once

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "comm/communicator.h"
#include "comm/flight_recorder.h"
#include "comm/mpi/mpi_types.h"
#include "comm/mpi/mpi_watch.h"

namespace tutti {

// A call as a rank waits in it.
struct MpiPendingCall {
  const Call& call;
  std::string_view group;
  int64_t number;                  // among this rank's calls of the group
  const std::vector<int>& others;  // of the world: whom it needs
  int64_t record;                  // the flight recorder's
  double begin_s;
};

class MpiContext {
 public:
  MpiContext(const WorldOptions& options, int64_t message_bytes_max);

  enum class Pace {
    kSleep,  // for a rank that may be long in coming: what others compute goes first
    kPoll,   // for data on its way, which this rank's polling moves
  };
  using Poll = std::function<Result<bool>()>;
  // Polls until it says true. Fails as it does, with the world's first error, or when the call has
  // lasted longer than the timeout.
  Status wait(const MpiPendingCall& pending, Pace pace, const Poll& poll);

  // Keeps the first error; returns the one that is kept.
  Status fail(const Status& cause);
  Status failure();
  // Another rank ends the job. Whoever waits then waits to be ended.
  void end_by_other(const std::string& cause);

  const WorldOptions options;
  const int64_t message_bytes_max;
  const std::unique_ptr<Clock> clock;
  FlightRecorder recorder;
  std::unique_ptr<MpiWatch> watch;
  std::vector<std::string> processes;  // by rank of the world: "process 4711 on host a"

 private:
  Error missing_ranks(const MpiPendingCall& pending);

  std::mutex mutex_;
  Status failure_;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> ended_by_other_ = false;
};

}  // namespace tutti
