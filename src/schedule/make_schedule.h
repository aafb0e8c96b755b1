// The schedule of a name, for a pipeline and its pass times. Pure functions.
#pragma once

#include <string_view>

#include "base/status.h"
#include "schedule/generators.h"

namespace tutti {

enum class PipelineSchedule : uint8_t {
  kGPipe,
  k1F1B,
  kEager1F1B,
  kInterleaved,
  kZbH1,
  kZbH2,
  kZeroBubble,
  kZbV,
  kDualPipeV,
  kFile,  // the user's
};

// Their names, in the order of the enum.
inline constexpr std::string_view kPipelineSchedules[] = {
    "gpipe", "1f1b",        "eager-1f1b", "interleaved-1f1b", "zb-h1",
    "zb-h2", "zero-bubble", "zbv",        "dualpipev",        "file"};

struct ScheduleRequest {
  PipelineSchedule kind = PipelineSchedule::k1F1B;
  int stages = 1;
  int microbatches = 1;
  int chunks = 1;   // kInterleaved; the others have theirs
  PassTimes times;  // kZeroBubble, kZbV
  // kZeroBubble: what a stage may hold, in times of what 1F1B holds on its first stage; and the
  // part of it that weight gradients need.
  double memory = 1;
  double weight_part = 1;
};

// Chunks of a stage in schedules of this name; 0: as many as are asked for.
int chunks_of(PipelineSchedule kind);

// Whether schedules of this name, but kFile, run weight gradients apart.
bool splits_backward(PipelineSchedule kind);

// Requires kind != kFile. The result passes verify().
Schedule make_schedule(const ScheduleRequest& request);

}  // namespace tutti
