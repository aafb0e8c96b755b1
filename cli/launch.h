// The ranks of a run: this process alone, threads of it, or the one rank of an MPI job that this
// process is.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/status.h"
#include "comm/communicator.h"

namespace tutti {

struct RankSeat {
  World* world = nullptr;  // null for one rank
  int on_host = 1;         // ranks that share this machine
};

class Launch {
 public:
  // Joins the MPI job that started this process, if one did. Make a StopSignal before, so that the
  // threads of MPI leave signals to it. `clock` must outlive this.
  static Result<Launch> create(const WorldOptions& options, Clock& clock);

  // Ranks of the MPI job; 0 without one.
  int job_ranks() const { return job_ == nullptr ? 0 : job_->size(); }
  // Whether every rank of the job is ready. Where some are not, the first of them speaks.
  Result<bool> all_ready(bool ready);
  // Whether this process prints what concerns the whole run.
  bool speaks() const { return job_ == nullptr || job_->rank() == speaker_; }

  // Runs `body` for each rank of this process, which has all `ranks` or is one of a job of as many.
  // Returns the leader's exit status, or the error that came first. A rank that fails ends the
  // others; that of a job says why and ends the process.
  Result<int> run(int ranks, const std::function<Result<int>(const RankSeat&)>& body);

 private:
  WorldOptions options_;
  Clock* clock_ = nullptr;
  std::unique_ptr<World> job_;
  int speaker_ = 0;
};

}  // namespace tutti
