#include "schedule/generators.h"

#include <algorithm>

namespace tutti {
namespace {

void require(int stages, int microbatches) {
  TUTTI_CHECK(stages > 0 && microbatches > 0, "{} stages, {} microbatches", stages, microbatches);
}

// F 0 ... warmup - 1, then F and B in turn, then the rest of B.
std::vector<ScheduledPass> alternate(int warmup, const std::vector<ScheduledPass>& forward,
                                     const std::vector<ScheduledPass>& backward) {
  std::vector<ScheduledPass> passes(forward.begin(), forward.begin() + warmup);
  auto next = forward.begin() + warmup;
  for (const ScheduledPass& pass : backward) {
    if (next != forward.end()) passes.push_back(*next++);
    passes.push_back(pass);
  }
  return passes;
}

// Groups of microbatches, in each of which every chunk in turn takes all of them.
std::vector<ScheduledPass> in_groups(PassKind kind, int group, int groups, int chunks) {
  std::vector<ScheduledPass> passes;
  for (int g = 0; g < groups; ++g) {
    for (int i = 0; i < chunks; ++i) {
      const int chunk = kind == PassKind::kForward ? i : chunks - 1 - i;
      for (int m = 0; m < group; ++m) passes.push_back({kind, g * group + m, chunk});
    }
  }
  return passes;
}

// `warmup` forward passes; then Bi, the Bw of the microbatch `lag` before, and F in turn.
std::vector<ScheduledPass> alternate_split(int warmup, int lag, int microbatches) {
  std::vector<ScheduledPass> passes;
  int forward = 0, weight = 0;
  while (forward < warmup) passes.push_back({PassKind::kForward, forward++});
  for (int m = 0; m < microbatches; ++m) {
    passes.push_back({PassKind::kBackwardInput, m});
    if (m >= lag) passes.push_back({PassKind::kBackwardWeight, weight++});
    if (forward < microbatches) passes.push_back({PassKind::kForward, forward++});
  }
  while (weight < microbatches) passes.push_back({PassKind::kBackwardWeight, weight++});
  return passes;
}

// Each stage begins with `pace` more forward passes than the next, the last with one, and holds
// back weight gradients of as many more microbatches than the stage before.
Schedule split_schedule(int stages, int microbatches, int pace) {
  require(stages, microbatches);
  Schedule schedule{microbatches, {}};
  for (int stage = 0; stage < stages; ++stage) {
    const int warmup = std::min(pace * (stages - 1 - stage) + 1, microbatches);
    schedule.stages.push_back(alternate_split(warmup, pace * stage, microbatches));
  }
  return schedule;
}

}  // namespace

Schedule gpipe_schedule(int stages, int microbatches) {
  require(stages, microbatches);
  std::vector<ScheduledPass> passes;
  for (PassKind kind : {PassKind::kForward, PassKind::kBackward}) {
    for (int m = 0; m < microbatches; ++m) passes.push_back({kind, m});
  }
  return {microbatches, std::vector(static_cast<size_t>(stages), passes)};
}

Schedule one_forward_one_backward_schedule(int stages, int microbatches) {
  return interleaved_schedule(stages, microbatches, 1);
}

Schedule eager_1f1b_schedule(int stages, int microbatches) {
  require(stages, microbatches);
  Schedule schedule{microbatches, {}};
  const auto forward = in_groups(PassKind::kForward, microbatches, 1, 1);
  const auto backward = in_groups(PassKind::kBackward, microbatches, 1, 1);
  for (int stage = 0; stage < stages; ++stage) {
    const int ahead = std::min(2 * (stages - 1 - stage), microbatches);
    schedule.stages.push_back(alternate(ahead, forward, backward));
  }
  return schedule;
}

Schedule interleaved_schedule(int stages, int microbatches, int chunks) {
  require(stages, microbatches);
  TUTTI_CHECK(chunks > 0, "{} chunks", chunks);
  Schedule schedule{microbatches, {}, chunks};
  // The last group is made whole, and what does not exist is left out again: what remains of an
  // order without deadlock has none either.
  const int groups = (microbatches + stages - 1) / stages;
  const auto forward = in_groups(PassKind::kForward, stages, groups, chunks);
  const auto backward = in_groups(PassKind::kBackward, stages, groups, chunks);
  for (int stage = 0; stage < stages; ++stage) {
    const int ahead =
        chunks == 1 ? stages - 1 - stage : 2 * (stages - 1 - stage) + (chunks - 1) * stages;
    std::vector<ScheduledPass> passes =
        alternate(std::min(ahead, groups * stages * chunks), forward, backward);
    std::erase_if(passes, [&](const ScheduledPass& p) { return p.microbatch >= microbatches; });
    schedule.stages.push_back(std::move(passes));
  }
  return schedule;
}

Schedule zb_h1_schedule(int stages, int microbatches) {
  return split_schedule(stages, microbatches, 1);
}

Schedule zb_h2_schedule(int stages, int microbatches) {
  return split_schedule(stages, microbatches, 2);
}

}  // namespace tutti
