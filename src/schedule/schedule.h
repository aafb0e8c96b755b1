// Pipeline schedules are data: for each stage, in which order it runs the passes of which
// microbatch. Where they come from (a generator, a CSV file) does not matter to what follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tutti {

enum class PassKind : uint8_t {
  kForward,         // F
  kBackward,        // B: both halves in one
  kBackwardInput,   // Bi
  kBackwardWeight,  // Bw
};
std::string_view pass_name(PassKind kind);

struct ScheduledPass {
  PassKind kind = PassKind::kForward;
  int microbatch = 0;
  friend bool operator==(const ScheduledPass&, const ScheduledPass&) = default;
};

struct Schedule {
  int microbatches = 0;
  std::vector<std::vector<ScheduledPass>> stages;

  bool splits_backward() const;
};

// Forward and backward of each microbatch in turn: what one rank without a pipeline does.
Schedule sequential_schedule(int microbatches);
// Forward only (evaluation).
Schedule forward_schedule(int microbatches);

// One line per stage, passes separated by commas: "F0,F1,Bi0,Bw0,...". '#' starts a comment line.
Result<Schedule> parse_schedule_csv(std::string_view text);

// Complete (each stage runs every pass of every microbatch once, F before Bi before Bw, and B or
// Bi/Bw alike everywhere) and free of deadlock when a stage waits for its neighbours' results.
// The message names the first fault.
Status verify(const Schedule& schedule);

}  // namespace tutti
