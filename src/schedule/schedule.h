// Pipeline schedules are data: for each stage, in which order it runs the passes of which
// microbatch. Where they come from (a generator, a CSV file) does not matter to what follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collective/pipeline.h"

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
  int chunk = 0;  // of the stage's
  friend bool operator==(const ScheduledPass&, const ScheduledPass&) = default;
};
// "F3", or "F3.1" of chunk 1.
std::string to_string(const ScheduledPass& pass);

struct Schedule {
  int microbatches = 0;
  std::vector<std::vector<ScheduledPass>> stages;
  int chunks = 1;  // of each stage
  ChunkOrder order = ChunkOrder::kLoop;

  int stage_count() const { return static_cast<int>(stages.size()); }
  Pipeline pipeline() const { return {stage_count(), chunks, order}; }
  int positions() const { return stage_count() * chunks; }
  int position(int stage, int chunk) const { return pipeline().position(stage, chunk); }
  bool splits_backward() const;
};
bool is_forward_only(const Schedule& schedule);

// Forward and backward of each microbatch in turn: what one rank without a pipeline does.
Schedule sequential_schedule(int microbatches);
// Forward only (evaluation).
Schedule forward_schedule(int microbatches, const Pipeline& pipeline = {});

// One line per stage, passes separated by commas: "F0,F1,Bi0,Bw0,...", with chunks "F0.1". '#'
// starts a comment line; a line "order=v" before the stages says that chunks lie in a V.
Result<Schedule> parse_schedule_csv(std::string_view text);
std::string print_schedule_csv(const Schedule& schedule);

// Complete (each stage runs every pass of every microbatch and chunk once, F before Bi before Bw,
// and B or Bi/Bw alike everywhere), free of deadlock when a stage waits for its neighbours'
// results, and of one order: what a stage sends its neighbour takes in the order in which it came.
// The message names the first fault.
Status verify(const Schedule& schedule);

// The most microbatches whose activations a stage holds at once. From F until the backward pass a
// microbatch counts 1, and `weight_part` of that from Bi until Bw: what weight gradients need. One
// chunk of several counts as its part of a microbatch.
double held_microbatches(const Schedule& schedule, int stage, double weight_part = 1);
// No stage holds more than `limit`; the message names the first pass that would.
Status verify_held(const Schedule& schedule, double limit, double weight_part = 1);

}  // namespace tutti
