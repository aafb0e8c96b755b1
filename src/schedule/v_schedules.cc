// Schedules of two chunks a stage in a V: microbatches go down through chunk 0 of all stages and
// back up through chunk 1, so that the first stage has both ends of the model. What stage s of n
// runs is a list of phases; how often each repeats follows from how long a microbatch needs to come
// back: 2 (n - 1 - s) passes of other stages between F0 and F1 of a stage and between Bi1 and Bi0,
// 2 s between F1 and Bi1.
#include <algorithm>

#include "schedule/generators.h"
#include "schedule/weight_gaps.h"

namespace tutti {
namespace {

// The passes of a stage, each kind and chunk in the order of microbatches.
class VStage {
 public:
  void forward(int chunk) { add(PassKind::kForward, chunk); }
  // Bi alone; its Bw waits for weight().
  void backward_input(int chunk) {
    add(PassKind::kBackwardInput, chunk);
    waiting_.push_back({PassKind::kBackwardWeight, passes_.back().microbatch, chunk});
  }
  // The oldest Bw that waits.
  void weight() { passes_.push_back(waiting_[weights_++]); }
  // Both halves, one behind the other.
  void backward(int chunk) {
    add(PassKind::kBackwardInput, chunk);
    passes_.push_back({PassKind::kBackwardWeight, passes_.back().microbatch, chunk});
  }
  std::vector<ScheduledPass> finish() {
    while (weights_ < waiting_.size()) weight();
    return std::move(passes_);
  }

 private:
  void add(PassKind kind, int chunk) {
    const auto row = static_cast<size_t>(kind);
    passes_.push_back({kind, next_[row][static_cast<size_t>(chunk)]++, chunk});
  }

  std::vector<ScheduledPass> passes_, waiting_;
  size_t weights_ = 0;
  int next_[3][2] = {};  // microbatch, by kind and chunk
};

template <typename Step>
void repeat(int times, Step step) {
  for (int i = 0; i < times; ++i) step();
}

// `stage_passes(stage, microbatches)` for at least 2 n microbatches, of which those that do not
// exist are left out again: what remains of an order without deadlock has none either.
template <typename StagePasses>
Schedule v_schedule(int stages, int microbatches, StagePasses stage_passes) {
  TUTTI_CHECK(stages > 0 && microbatches > 0, "{} stages, {} microbatches", stages, microbatches);
  Schedule schedule{microbatches, {}, 2, ChunkOrder::kV};
  for (int stage = 0; stage < stages; ++stage) {
    auto passes = stage_passes(stage, std::max(microbatches, 2 * stages));
    std::erase_if(passes, [&](const ScheduledPass& p) { return p.microbatch >= microbatches; });
    schedule.stages.push_back(std::move(passes));
  }
  return schedule;
}

// ZB-V for passes that take equally long.
std::vector<ScheduledPass> zbv_stage(int stages, int stage, int microbatches) {
  const int after = stages - stage;  // this stage and those behind it
  VStage v;
  // Until the first microbatch is back from the stages behind, then until its gradient comes from
  // those before: now the stage holds 2 n chunks.
  repeat(2 * after - 1, [&] { v.forward(0); });
  repeat(stage, [&] { v.forward(1), v.forward(0); });
  // Until that gradient is back from the stages behind, chunk 0 lets nothing go: no room for F0.
  repeat(after, [&] { v.forward(1), v.backward(1); });
  const int forward_left = microbatches - 2 * after + 1 - stage;
  repeat(forward_left, [&] { v.forward(0), v.backward(0), v.forward(1), v.backward(1); });
  repeat(microbatches - stages - forward_left, [&] { v.backward(0), v.forward(1), v.backward(1); });
  // While stages before may wait for Bi, Bw waits; then it fills the time between one Bi0 and the
  // next.
  repeat(stage, [&] { v.backward_input(0), v.backward_input(1); });
  repeat(after, [&] { v.backward(0); });
  return v.finish();
}

// DualPipe cut in half, with the phases of its authors' program.
std::vector<ScheduledPass> dualpipev_stage(int stages, int stage, int microbatches) {
  const int behind = stages - 1 - stage;
  VStage v;
  repeat(2 * behind, [&] { v.forward(0); });
  repeat(stage + 1, [&] { v.forward(0), v.forward(1); });
  repeat(behind, [&] { v.backward_input(1), v.weight(), v.forward(1); });
  repeat(microbatches - 2 * stages + stage + 1,
         [&] { v.forward(0), v.backward(1), v.forward(1), v.backward(0); });
  repeat(behind, [&] { v.backward(1), v.forward(1), v.backward(0); });
  // Bi1 and Bi0 in turn, the second half of which holds back Bw for the end.
  for (int i = 0; i < 2 * (stage + 1); ++i) {
    const int chunk = 1 - i % 2;
    if (i <= stage) {
      v.backward(chunk);
    } else {
      v.backward_input(chunk);
    }
  }
  repeat(behind, [&] { v.weight(), v.backward_input(0); });
  return v.finish();
}

}  // namespace

Schedule zbv_schedule(int stages, int microbatches, const PassTimes& times) {
  Schedule best = v_schedule(stages, microbatches, [&](int stage, int padded) {
    return zbv_stage(stages, stage, padded);
  });
  const Schedule equal = best;
  double cost = simulate(best, times).cost();
  for (double fill : {0.0, 0.5, 1.0}) {
    if (cost <= microbatches * times.total() * (1 + 1e-9)) break;  // no bubble is left
    Schedule filled = fill_gaps_with_weights(equal, times, {1.0 * stages, fill});
    const double its_cost = simulate(filled, times).cost();
    if (its_cost < cost) {
      best = std::move(filled);
      cost = its_cost;
    }
  }
  return best;
}

Schedule dualpipev_schedule(int stages, int microbatches) {
  return v_schedule(stages, microbatches,
                    [&](int stage, int padded) { return dualpipev_stage(stages, stage, padded); });
}

}  // namespace tutti
