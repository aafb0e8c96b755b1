// When the passes of a schedule run, given how long they take. Pure functions.
#pragma once

#include <vector>

#include "schedule/schedule.h"

namespace tutti {

// Of one microbatch through all chunks of a stage, in any one unit; a chunk takes its share.
struct PassTimes {
  double forward = 1;
  double backward_input = 1;
  double backward_weight = 1;
  double communication = 0;  // from the end of a pass to when the next stage may begin

  double total() const { return forward + backward_input + backward_weight; }
  double of(PassKind kind) const;
};

struct TimedPass {
  ScheduledPass pass;
  double begin = 0, end = 0;
};

struct Timeline {
  std::vector<std::vector<TimedPass>> stages;
  // The longest stage, from its own first pass to its last (Qi et al. 2023, arXiv:2401.10241): what
  // a step takes where steps follow each other.
  double cost() const;
  // The part of cost() in which the busiest stage has nothing to do.
  double bubble_rate() const;
};

// Each stage runs its passes in order, each as soon as its input is there. Requires a schedule that
// passes verify().
Timeline simulate(const Schedule& schedule, const PassTimes& times);

}  // namespace tutti
