// What a run tells of itself while it trains. Values, and the interface that takes them.
#pragma once

#include <cstdint>
#include <optional>

#include "telemetry/step_record.h"

namespace tutti {

struct StepReport {
  StepRecord record;
  int64_t steps = 0;  // of the whole run
  int64_t epoch = 0;  // of the data, from 0
  std::optional<double> grad_norm_z;
  double remaining_s = 0;  // until the last step, by the pace of the last ones
};

// Called by the training thread, between steps; a slow one slows training.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void stepped(const StepReport& report) = 0;
};

}  // namespace tutti
