// Zero-bubble schedules under a limit of memory, by list scheduling: the passes are started in the
// order of time, each stage choosing, when it is free, among those whose input is there. What it
// chooses hangs on a few settings, of which all combinations are tried.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <queue>

#include "schedule/generators.h"

namespace tutti {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Choices {
  double fill;    // a gap of this part of Bw is filled with one
  double wait;    // F is put off for a Bi that comes within this part of F
  int ahead;      // F that a stage may run beyond those that its followers have run
  bool f_before;  // F before Bi where both can run and the stage holds less than it may
};

class ListScheduler {
 public:
  ListScheduler(int stages, int microbatches, const ZeroBubbleOptions& options,
                const Choices& choices)
      : microbatches_(microbatches),
        options_(options),
        times_(options.times),
        choices_(choices),
        state_(static_cast<size_t>(stages)) {
    schedule_.microbatches = microbatches;
    schedule_.stages.resize(static_cast<size_t>(stages));
    for (Stage& stage : state_) {
      stage.forward.assign(static_cast<size_t>(microbatches), kNever);
      stage.backward.assign(static_cast<size_t>(microbatches), kNever);
    }
    std::fill(state_[0].forward.begin(), state_[0].forward.end(), 0.0);
  }

  // Nothing when the choices lead to a deadlock.
  std::optional<Schedule> run() {
    for (size_t s = 0; s < state_.size(); ++s) events_.push({0, s});
    while (!events_.empty()) {
      const auto [now, stage] = events_.top();
      events_.pop();
      if (state_[stage].free <= now) choose(stage, now);
    }
    for (const auto& passes : schedule_.stages) {
      if (passes.size() != 3 * static_cast<size_t>(microbatches_)) return std::nullopt;
    }
    return std::move(schedule_);
  }

 private:
  struct Stage {
    double free = 0;
    std::array<int, 4> done = {0, 0, 0, 0};  // by kind
    std::vector<double> forward, backward;   // when the input of each microbatch comes
  };
  using Event = std::pair<double, size_t>;

  static int& done(Stage& stage, PassKind kind) { return stage.done[static_cast<size_t>(kind)]; }

  // When the input of the next pass of a kind is there.
  double next(Stage& stage, PassKind kind) {
    const int m = done(stage, kind);
    if (m == microbatches_) return kNever;
    return kind == PassKind::kForward ? stage.forward[static_cast<size_t>(m)]
                                      : stage.backward[static_cast<size_t>(m)];
  }

  bool may_forward(size_t s) {
    Stage& stage = state_[s];
    const int forward = done(stage, PassKind::kForward);
    const int backward = done(stage, PassKind::kBackwardInput);
    const int ahead = forward - backward;
    const int waiting = backward - done(stage, PassKind::kBackwardWeight);
    if (ahead + 1 + options_.weight_part * waiting > options_.limit) return false;
    return ahead < choices_.ahead - static_cast<int>(s) || choices_.ahead == 0;
  }

  void choose(size_t s, double now) {
    Stage& stage = state_[s];
    const double backward = next(stage, PassKind::kBackwardInput);
    const double forward = may_forward(s) ? next(stage, PassKind::kForward) : kNever;
    const bool weight =
        done(stage, PassKind::kBackwardWeight) < done(stage, PassKind::kBackwardInput);
    if (forward <= now && choices_.f_before) return start(s, PassKind::kForward, now);
    if (backward <= now) return start(s, PassKind::kBackwardInput, now);
    if (forward <= now && backward - now >= choices_.wait * times_.forward) {
      return start(s, PassKind::kForward, now);
    }
    const double soon = std::min(backward, std::max(forward, now));
    if (weight && soon - now >= choices_.fill * times_.backward_weight) {
      start(s, PassKind::kBackwardWeight, now);
    }
  }

  void start(size_t s, PassKind kind, double now) {
    Stage& stage = state_[s];
    const int m = done(stage, kind)++;
    schedule_.stages[s].push_back({kind, m});
    stage.free = now + times_.of(kind);
    events_.push({stage.free, s});
    const double there = stage.free + times_.communication;
    if (kind == PassKind::kForward && s + 1 < state_.size()) arrive(s + 1, true, m, there);
    if (kind == PassKind::kForward && s + 1 == state_.size()) arrive(s, false, m, stage.free);
    if (kind == PassKind::kBackwardInput && s > 0) arrive(s - 1, false, m, there);
  }

  void arrive(size_t s, bool forward, int microbatch, double when) {
    auto& inputs = forward ? state_[s].forward : state_[s].backward;
    inputs[static_cast<size_t>(microbatch)] = when;
    events_.push({when, s});
  }

  const int microbatches_;
  const ZeroBubbleOptions& options_;
  const PassTimes& times_;
  const Choices& choices_;
  std::vector<Stage> state_;
  Schedule schedule_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace

Schedule zero_bubble_schedule(int stages, int microbatches, const ZeroBubbleOptions& options) {
  TUTTI_CHECK(options.limit >= stages, "{} microbatches of memory for {} stages", options.limit,
              stages);
  Schedule best = zb_h1_schedule(stages, microbatches);
  double cost = simulate(best, options.times).cost();
  const auto consider = [&](Schedule schedule) {
    const double its_cost = simulate(schedule, options.times).cost();
    if (its_cost < cost) {
      best = std::move(schedule);
      cost = its_cost;
    }
  };
  if (options.limit >= 2 * stages - 1) consider(zb_h2_schedule(stages, microbatches));
  for (double fill : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    for (double wait : {0.0, 0.25, 0.5, 1.0}) {
      for (int ahead : {0, stages, 2 * stages}) {
        for (bool f_before : {false, true}) {
          const Choices choices = {fill, wait, ahead, f_before};
          auto schedule = ListScheduler(stages, microbatches, options, choices).run();
          if (schedule) consider(std::move(*schedule));
        }
      }
    }
  }
  return best;
}

}  // namespace tutti
