// The ranks of a run on this machine: this process alone, threads of it, or the one rank of an MPI job
// that this process is.
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/status.h"
#include "comm/communicator.h"

namespace tutti {

struct RankSeat {
  World* world = nullptr;  // null for one rank
  int on_host = 1;         // ranks that share this machine
};

// How many ranks an MPI job has that started this process; 0 when none did.
int ranks_of_job();

// Runs `body` for each rank and returns the leader's exit status, or the error that came first. A rank
// that fails ends the others.
Result<int> run_ranks(int ranks, const WorldOptions& options, Clock& clock,
                      const std::function<Result<int>(const RankSeat&)>& body);

}  // namespace tutti
