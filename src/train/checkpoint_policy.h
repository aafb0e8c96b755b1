// When and how a run saves: every so many steps in the background, and at its end or when it is
// asked to stop while it waits. Used by one thread; the file system and the communicator must
// outlive it. All ranks of a run make the same calls, but for staging_bytes() and saved_step(), and
// get the same results: an error on one is an error on all.
//
// A save in the background that failed is tried once more, waiting, with the state of that moment:
// a disk that was full for a while costs one checkpoint, a disk that is gone ends the run.
#pragma once

#include <cstdint>
#include <functional>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/async_writer.h"
#include "checkpoint/save_group.h"
#include "train/config.h"

namespace tutti {

class CheckpointPolicy {
 public:
  // `ranks`: all of the run's, for this alone; null when there is one.
  // Where some of the state is offloaded there is no memory to stage it in: every save waits.
  CheckpointPolicy(FileSystem& fs, const Config& config, Communicator* ranks = nullptr,
                   bool state_in_memory = true);

  // Bytes of staging for snapshots of this size: 0 when nothing is saved in the background.
  int64_t staging_bytes(int64_t snapshot_bytes) const { return background_ ? snapshot_bytes : 0; }
  Status reserve(int64_t snapshot_bytes);
  // To be called once the first step is done: page faults then no longer delay it.
  void prefault();

  // To be called after each step. `last` says that none follows (the end, a request to stop): then
  // the checkpoint is on disk when this returns. `take` makes a snapshot of now; it is
  // called only when one is needed.
  using TakeSnapshot = std::function<Result<Snapshot>()>;
  Status after_step(int64_t step, bool last, const TakeSnapshot& take);

  // The step of the newest checkpoint that was asked for; 0 when there is none.
  int64_t saved_step() const { return saved_step_; }
  void set_saved_step(int64_t step) { saved_step_ = step; }

 private:
  Result<Snapshot> take_on_all(const TakeSnapshot& take);
  Status save_now(const TakeSnapshot& take);

  int64_t every_;
  bool background_;
  SaveGroup group_;
  AsyncWriter writer_;
  int64_t saved_step_ = 0;
};

}  // namespace tutti
