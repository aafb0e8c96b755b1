// A training run on standard error: on a terminal one line that follows every step, and everywhere
// a line every log.every steps. Used by the training thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "train/step_report.h"

namespace tutti {

class TrainProgress : public TrainObserver {
 public:
  explicit TrainProgress(int64_t log_every);
  ~TrainProgress() override;  // ends the line that is being redrawn

  void stepped(const StepReport& report) override;

 private:
  void clear_line();

  std::unique_ptr<Clock> clock_;
  int64_t log_every_;
  bool terminal_;
  bool drawn_ = false;
  double drawn_s_ = 0;
};

// The largest resident memory of this process so far, in bytes.
uint64_t peak_resident_bytes();

}  // namespace tutti
