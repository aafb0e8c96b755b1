// Saving by all ranks of a run: each writes a file of what it holds, rank 0 begins and commits, and
// every rank learns how it went. A rank that cannot write makes the save fail on all of them, with
// its cause, and leaves the checkpoints that were there as they are.
//
// Calls are collective: every rank makes them, in the same order. One thread at a time.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/save.h"
#include "comm/communicator.h"

namespace tutti {

class SaveGroup {
 public:
  // Of the checkpoints in `run_dir` the `checkpoints_kept` newest are kept (keep_last); 0 keeps
  // all. `ranks` is used by this alone; null: there is one rank. It and `fs` must outlive the
  // group.
  SaveGroup(FileSystem& fs, std::string run_dir, int checkpoints_kept,
            Communicator* ranks = nullptr);

  int size() const { return ranks_ == nullptr ? 1 : ranks_->size(); }

  // Saves what the ranks' snapshots hold together, with rank 0's state, and deletes what is not
  // kept. Returns the checkpoint's directory. When a rank is lost meanwhile (kUnavailable) an
  // unfinished save may stay.
  Result<std::string> save(const Snapshot& snapshot);

  // Success when every rank calls this with success, else the error of one.
  Status agree(const Status& own);

 private:
  Result<std::string> save_together(const Snapshot& snapshot);
  Result<SaveTicket> begin(int64_t step);
  Result<RankShards> write(const SaveTicket& ticket, const Snapshot& snapshot);
  Result<std::string> commit(const SaveTicket& ticket, const SnapshotState& state,
                             const Result<RankShards>& own);
  Status keep_newest();

  FileSystem& fs_;
  std::string run_dir_;
  int checkpoints_kept_;
  Communicator* ranks_;
};

}  // namespace tutti
