#include "schedule/weight_gaps.h"

#include <algorithm>

#include "schedule/arrivals.h"

namespace tutti {
namespace {

constexpr double kRounding = 1e-9;  // of what a microbatch takes, and of microbatches

class GapFilling {
 public:
  GapFilling(const Schedule& from, const PassTimes& times, const WeightGapOptions& options)
      : from_(from),
        times_(times),
        options_(options),
        arrivals_(from, times),
        state_(from.stages.size()),
        filled_{from.microbatches, {}, from.chunks, from.order} {
    filled_.stages.resize(from.stages.size());
  }

  Schedule run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int s = 0; s < from_.stage_count(); ++s) moved = advance(s) || moved;
    }
    for (size_t s = 0; s < state_.size(); ++s) {
      while (!state_[s].none_waits()) run_weight(s);
      TUTTI_CHECK(filled_.stages[s].size() == from_.stages[s].size(), "stage {} waits", s);
    }
    return std::move(filled_);
  }

 private:
  struct Stage {
    size_t next = 0;  // of the passes that it has as it is
    double now = 0;
    int held = 0;                        // chunks
    std::vector<ScheduledPass> weights;  // of every Bi so far
    size_t weights_run = 0;
    bool none_waits() const { return weights_run == weights.size(); }
  };

  // Every pass that can be timed now.
  bool advance(int s) {
    const auto& passes = from_.stages[static_cast<size_t>(s)];
    Stage& stage = state_[static_cast<size_t>(s)];
    const size_t before = stage.next;
    for (; stage.next < passes.size(); ++stage.next) {
      const ScheduledPass& pass = passes[stage.next];
      if (pass.kind == PassKind::kBackwardWeight) continue;
      const std::optional<double> input = arrivals_.input_at(s, pass);
      if (!input) break;
      run_before(static_cast<size_t>(s), pass, *input);
      stage.now = std::max(stage.now, *input);
      run_pass(static_cast<size_t>(s), pass);
      arrivals_.made(s, pass, stage.now);
    }
    return stage.next > before;
  }

  // The weight gradients that run before a pass whose input comes at `input`.
  void run_before(size_t s, const ScheduledPass& pass, double input) {
    Stage& stage = state_[s];
    const double rounding = kRounding * times_.total();
    const double least =
        std::max(options_.fill * duration(PassKind::kBackwardWeight), 2 * rounding);
    while (!stage.none_waits() && input - stage.now >= least - rounding) run_weight(s);
    if (pass.kind != PassKind::kForward) return;
    while (!stage.none_waits() && stage.held + 1 > from_.chunks * options_.limit + kRounding) {
      run_weight(s);
    }
    ++stage.held;
  }

  void run_weight(size_t s) {
    run_pass(s, state_[s].weights[state_[s].weights_run++]);
    --state_[s].held;
  }

  void run_pass(size_t s, const ScheduledPass& pass) {
    filled_.stages[s].push_back(pass);
    state_[s].now += duration(pass.kind);
    if (pass.kind == PassKind::kBackwardInput) {
      state_[s].weights.push_back({PassKind::kBackwardWeight, pass.microbatch, pass.chunk});
    }
  }

  double duration(PassKind kind) const { return times_.of(kind) / from_.chunks; }

  const Schedule& from_;
  const PassTimes& times_;
  const WeightGapOptions& options_;
  Arrivals arrivals_;
  std::vector<Stage> state_;
  Schedule filled_;
};

}  // namespace

Schedule fill_gaps_with_weights(const Schedule& schedule, const PassTimes& times,
                                const WeightGapOptions& options) {
  return GapFilling(schedule, times, options).run();
}

}  // namespace tutti
