// Saves checkpoints in the background: `save` copies the tensors to memory of its own and returns;
// a thread writes them while training goes on. At most one save is in flight.
//
// Used by one thread. All ranks of a group call reserve(), save() and finish() alike, and get the
// same results.
#pragma once

#include <future>

#include "base/status.h"
#include "checkpoint/save_group.h"
#include "tensor/arena.h"

namespace tutti {

class AsyncWriter {
 public:
  // The group is the writer's while a save is in flight. It must outlive the writer.
  explicit AsyncWriter(SaveGroup& group) : group_(group) {}
  // Waits for the save in flight; an error that was not asked for by then is logged.
  ~AsyncWriter();
  AsyncWriter(const AsyncWriter&) = delete;
  AsyncWriter& operator=(const AsyncWriter&) = delete;

  // Maps the memory for staging `bytes` now, so that a lack of it shows before training starts and
  // not at the first save (kResource; an error on one rank is one on all). Requires that no save is
  // in flight.
  Status reserve(uint64_t bytes);
  // Touches that memory in the background, because page faults cost more than the copy that a save
  // makes training wait for. Optional; once, after reserve().
  void prefault();
  // Waits for the save in flight, then stages `snapshot`, all of it in memory, and starts to write
  // it. When the previous save failed, returns its error and has not started this one: the caller
  // may call again.
  Status save(const Snapshot& snapshot);
  // Waits for the save in flight and returns its error.
  Status finish();
  // Whether a save is being written now.
  bool busy() const;

  // Bytes of memory held for staging: those of the largest snapshot so far.
  uint64_t staging_bytes() const { return staging_.bytes(); }

 private:
  Status grow(uint64_t bytes);
  Status stage(const Snapshot& snapshot);

  SaveGroup& group_;
  Arena staging_;
  std::future<void> prefault_;  // after staging_: it ends before that memory goes
  Snapshot staged_;             // its spans point into staging_
  std::future<Status> in_flight_;
};

}  // namespace tutti
