#include "schedule/make_schedule.h"

#include <algorithm>

namespace tutti {

int chunks_of(PipelineSchedule kind) {
  switch (kind) {
    case PipelineSchedule::kInterleaved:
    case PipelineSchedule::kFile:
      return 0;
    case PipelineSchedule::kZbV:
    case PipelineSchedule::kDualPipeV:
      return 2;
    default:
      return 1;
  }
}

bool splits_backward(PipelineSchedule kind) {
  switch (kind) {
    case PipelineSchedule::kGPipe:
    case PipelineSchedule::k1F1B:
    case PipelineSchedule::kEager1F1B:
    case PipelineSchedule::kInterleaved:
    case PipelineSchedule::kFile:
      return false;
    default:
      return true;
  }
}

Schedule make_schedule(const ScheduleRequest& request) {
  const int stages = request.stages, microbatches = request.microbatches;
  switch (request.kind) {
    case PipelineSchedule::kGPipe:
      return gpipe_schedule(stages, microbatches);
    case PipelineSchedule::k1F1B:
      return one_forward_one_backward_schedule(stages, microbatches);
    case PipelineSchedule::kEager1F1B:
      return eager_1f1b_schedule(stages, microbatches);
    case PipelineSchedule::kInterleaved:
      return interleaved_schedule(stages, microbatches, request.chunks);
    case PipelineSchedule::kZbH1:
      return zb_h1_schedule(stages, microbatches);
    case PipelineSchedule::kZbH2:
      return zb_h2_schedule(stages, microbatches);
    case PipelineSchedule::kZeroBubble:
      return zero_bubble_schedule(stages, microbatches,
                                  {.times = request.times,
                                   .limit = std::max(1.0, request.memory) * stages,
                                   .weight_part = request.weight_part});
    case PipelineSchedule::kZbV:
      return zbv_schedule(stages, microbatches, request.times);
    case PipelineSchedule::kDualPipeV:
      return dualpipev_schedule(stages, microbatches);
    case PipelineSchedule::kFile:
      break;
  }
  TUTTI_CHECK(false, "no generator of schedule {}", static_cast<int>(request.kind));
}

}  // namespace tutti
