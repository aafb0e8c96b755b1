#include "optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/status.h"

namespace tutti {
namespace {

// How far the decay that starts at `first` has come: 0 before it, 1 from its end on.
double decay_progress(int64_t step, int64_t first, int64_t length) {
  if (step < first) return 0;
  if (length <= 0 || step - first >= length) return 1;
  return static_cast<double>(step - first) / static_cast<double>(length);
}

double decay_share(const LrSchedule& schedule, int64_t step) {
  switch (schedule.shape) {
    case LrShape::kCosine:
      return 0.5 - 0.5 * std::cos(std::numbers::pi * decay_progress(step, schedule.warmup_steps,
                                                                    schedule.decay_steps));
    case LrShape::kLinear:
      return decay_progress(step, schedule.warmup_steps, schedule.decay_steps);
    case LrShape::kWsd:
      return decay_progress(
          step, std::max(schedule.warmup_steps, schedule.total_steps - schedule.decay_steps),
          schedule.decay_steps);
    case LrShape::kConstant:
      return 0;
  }
  return 0;
}

}  // namespace

double learning_rate(const LrSchedule& schedule, int64_t step) {
  TUTTI_CHECK(step >= 0, "step = {}", step);
  if (step < schedule.warmup_steps) {
    return schedule.lr * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  }
  // This form is exact at both ends.
  const double share = decay_share(schedule, step);
  return (1 - share) * schedule.lr + share * schedule.min_lr;
}

}  // namespace tutti
