// When the inputs of passes come, while passes are timed one after another: what makes an input is
// timed before what takes it.
#pragma once

#include <optional>
#include <vector>

#include "schedule/schedule.h"
#include "schedule/timeline.h"

namespace tutti {

// Keeps references to both: they must outlive it. Of the schedule only its shape is read.
class Arrivals {
 public:
  Arrivals(const Schedule& schedule, const PassTimes& times);

  // When the input of a stage's pass is there: 0 where it waits for no other pass, nothing while
  // the pass that makes it has not been timed.
  std::optional<double> input_at(int stage, const ScheduledPass& pass) const;
  // A stage's pass makes its result at `end`.
  void made(int stage, const ScheduledPass& pass, double end);

 private:
  std::optional<double> arrival(const std::vector<double>& made, int from, int to,
                                int microbatch) const;
  size_t at(int position, int microbatch) const;

  const Schedule& schedule_;
  const PassTimes& times_;
  Pipeline pipeline_;
  std::vector<double> forward_, backward_;  // by position and microbatch; < 0: not yet
};

}  // namespace tutti
