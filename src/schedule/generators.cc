#include "schedule/generators.h"

#include <algorithm>

namespace tutti {
namespace {

// F 0 ... warmup - 1, then F and B in turn, then the rest of B.
std::vector<ScheduledPass> alternate(int warmup, int microbatches) {
  std::vector<ScheduledPass> passes;
  int forward = 0, backward = 0;
  while (forward < warmup) passes.push_back({PassKind::kForward, forward++});
  while (backward < microbatches) {
    if (forward < microbatches) passes.push_back({PassKind::kForward, forward++});
    passes.push_back({PassKind::kBackward, backward++});
  }
  return passes;
}

}  // namespace

Schedule gpipe_schedule(int stages, int microbatches) {
  TUTTI_CHECK(stages > 0 && microbatches > 0);
  Schedule schedule{microbatches, {}};
  for (int stage = 0; stage < stages; ++stage) {
    schedule.stages.push_back(alternate(microbatches, microbatches));
  }
  return schedule;
}

Schedule one_forward_one_backward_schedule(int stages, int microbatches) {
  TUTTI_CHECK(stages > 0 && microbatches > 0);
  Schedule schedule{microbatches, {}};
  for (int stage = 0; stage < stages; ++stage) {
    const int warmup = std::min(stages - 1 - stage, microbatches);
    schedule.stages.push_back(alternate(warmup, microbatches));
  }
  return schedule;
}

}  // namespace tutti
