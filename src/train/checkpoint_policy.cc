#include "train/checkpoint_policy.h"

#include "base/log.h"

namespace tutti {

// A save that no step follows gains nothing from a copy.
CheckpointPolicy::CheckpointPolicy(FileSystem& fs, const Config& config, Communicator* ranks,
                                   bool state_in_memory)
    : every_(config.checkpoint.every),
      background_(config.checkpoint.async && state_in_memory && every_ > 0 &&
                  every_ < config.train.steps),
      group_(fs, config.run.dir, static_cast<int>(config.checkpoint.keep), ranks),
      writer_(group_) {}

Status CheckpointPolicy::reserve(int64_t snapshot_bytes) {
  return writer_.reserve(static_cast<uint64_t>(staging_bytes(snapshot_bytes)));
}

void CheckpointPolicy::prefault() {
  if (background_) writer_.prefault();
}

Result<Snapshot> CheckpointPolicy::take_on_all(const TakeSnapshot& take) {
  Result<Snapshot> snapshot = take();
  TUTTI_TRY(group_.agree(snapshot.status()));
  return snapshot;
}

Status CheckpointPolicy::save_now(const TakeSnapshot& take) {
  TUTTI_ASSIGN(const Snapshot snapshot, take_on_all(take));
  TUTTI_TRY(group_.save(snapshot));
  saved_step_ = snapshot.state.step;
  return {};
}

Status CheckpointPolicy::after_step(int64_t step, bool last, const TakeSnapshot& take) {
  const bool due = step > saved_step_ && (last || (every_ > 0 && step % every_ == 0));
  // Only a save that has ended is asked for its outcome, unless its result is needed now. Ranks do
  // not see it end at the same step: several of them wait until it is needed.
  if (due || last || (group_.size() == 1 && !writer_.busy())) {
    const Status previous = writer_.finish();
    if (!previous.ok()) {
      log_error("the checkpoint of step {} was not saved: {}; trying again with step {}",
                saved_step_, previous.message(), step);
      return save_now(take);
    }
  }
  if (!due) return {};
  if (last || !background_) return save_now(take);
  TUTTI_ASSIGN(const Snapshot snapshot, take_on_all(take));
  TUTTI_TRY(writer_.save(snapshot));
  saved_step_ = step;
  return {};
}

}  // namespace tutti
