// Moves Bw into the gaps of a schedule that splits backward: nobody waits for it, so it may run
// wherever its stage would wait. A pure function.
#pragma once

#include "schedule/schedule.h"
#include "schedule/timeline.h"

namespace tutti {

struct WeightGapOptions {
  double limit = 0;  // microbatches that a stage may hold, not fewer than it holds as it is
  double fill = 0;   // a gap of this part of Bw is filled with one, and grows if it is shorter
};
// F and Bi in the order that they have; between them each Bw, oldest first, when its stage would
// wait long enough or holds as much as it may, the rest at the end. Requires a schedule that passes
// verify().
Schedule fill_gaps_with_weights(const Schedule& schedule, const PassTimes& times,
                                const WeightGapOptions& options);

}  // namespace tutti
