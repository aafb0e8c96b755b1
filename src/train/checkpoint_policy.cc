#include "train/checkpoint_policy.h"

#include "base/log.h"
#include "checkpoint/retention.h"

namespace tutti {

// A save that no step follows gains nothing from a copy.
CheckpointPolicy::CheckpointPolicy(FileSystem& fs, const Config& config)
    : fs_(fs),
      run_dir_(config.run.dir),
      every_(config.checkpoint.every),
      keep_(config.checkpoint.keep),
      background_(config.checkpoint.async && every_ > 0 && every_ < config.train.steps),
      writer_(fs, config.run.dir, static_cast<int>(config.checkpoint.keep)) {}

Status CheckpointPolicy::reserve(int64_t snapshot_bytes) {
  return writer_.reserve(static_cast<uint64_t>(staging_bytes(snapshot_bytes)));
}

void CheckpointPolicy::prefault() {
  if (background_) writer_.prefault();
}

Status CheckpointPolicy::save_now(const TakeSnapshot& take) {
  TUTTI_ASSIGN(const Snapshot snapshot, take());
  TUTTI_TRY(save_checkpoint(fs_, run_dir_, snapshot));
  saved_step_ = snapshot.state.step;
  if (keep_ == 0) return {};
  return keep_last(fs_, run_dir_, static_cast<int>(keep_)).status();
}

Status CheckpointPolicy::after_step(int64_t step, bool last, const TakeSnapshot& take) {
  const bool due = step > saved_step_ && (last || (every_ > 0 && step % every_ == 0));
  // Only a save that has ended is asked for its outcome, unless its result is needed now.
  if (due || last || !writer_.busy()) {
    const Status previous = writer_.finish();
    if (!previous.ok()) {
      log_error("the checkpoint of step {} was not saved: {}; trying again with step {}",
                saved_step_, previous.message(), step);
      return save_now(take);
    }
  }
  if (!due) return {};
  if (last || !background_) return save_now(take);
  TUTTI_ASSIGN(const Snapshot snapshot, take());
  TUTTI_TRY(writer_.save(snapshot));
  saved_step_ = step;
  return {};
}

}  // namespace tutti
