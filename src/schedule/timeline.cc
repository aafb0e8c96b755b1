#include "schedule/timeline.h"

#include <algorithm>

namespace tutti {
namespace {

// When the results that neighbours wait for are made, by position and microbatch; < 0: not yet.
class Results {
 public:
  explicit Results(const Schedule& schedule)
      : microbatches_(static_cast<size_t>(schedule.microbatches)),
        forward_(static_cast<size_t>(schedule.positions()) * microbatches_, -1.0),
        backward_(forward_) {}

  double& forward(int position, int microbatch) { return forward_[at(position, microbatch)]; }
  double& backward(int position, int microbatch) { return backward_[at(position, microbatch)]; }

 private:
  size_t at(int position, int microbatch) const {
    return static_cast<size_t>(position) * microbatches_ + static_cast<size_t>(microbatch);
  }

  size_t microbatches_;
  std::vector<double> forward_, backward_;
};

class Simulation {
 public:
  Simulation(const Schedule& schedule, const PassTimes& times)
      : schedule_(schedule), times_(times), results_(schedule), stage_of_(positions()) {
    for (int s = 0; s < schedule.stage_count(); ++s) {
      for (int c = 0; c < schedule.chunks; ++c) {
        stage_of_[static_cast<size_t>(schedule.position(s, c))] = s;
      }
    }
  }

  Timeline run() {
    timeline_.stages.resize(schedule_.stages.size());
    for (bool moved = true; moved;) {
      moved = false;
      for (int s = 0; s < schedule_.stage_count(); ++s) moved = advance(s) || moved;
    }
    for (size_t s = 0; s < schedule_.stages.size(); ++s) {
      TUTTI_CHECK(timeline_.stages[s].size() == schedule_.stages[s].size(), "stage {} waits", s);
    }
    return std::move(timeline_);
  }

 private:
  size_t positions() const { return static_cast<size_t>(schedule_.positions()); }

  // When what `from` made is at `to`; < 0: it is not made yet.
  double arrival(double made, int from, int to) const {
    const bool near = stage_of_[static_cast<size_t>(from)] == stage_of_[static_cast<size_t>(to)];
    return made < 0 || near ? made : made + times_.communication;
  }

  double input_at(const ScheduledPass& pass, int position) {
    if (pass.kind == PassKind::kBackwardWeight) return 0;
    if (pass.kind == PassKind::kForward) {
      if (position == 0) return 0;
      return arrival(results_.forward(position - 1, pass.microbatch), position - 1, position);
    }
    if (position + 1 == schedule_.positions()) return 0;
    return arrival(results_.backward(position + 1, pass.microbatch), position + 1, position);
  }

  bool advance(int stage) {
    const auto& passes = schedule_.stages[static_cast<size_t>(stage)];
    auto& timed = timeline_.stages[static_cast<size_t>(stage)];
    const size_t before = timed.size();
    while (timed.size() < passes.size()) {
      const ScheduledPass& pass = passes[timed.size()];
      const int position = schedule_.position(stage, pass.chunk);
      const double input = input_at(pass, position);
      if (input < 0) break;
      const double begin = std::max(timed.empty() ? 0.0 : timed.back().end, input);
      const double end = begin + times_.of(pass.kind) / schedule_.chunks;
      timed.push_back({pass, begin, end});
      if (pass.kind == PassKind::kForward) {
        results_.forward(position, pass.microbatch) = end;
      } else if (pass.kind != PassKind::kBackwardWeight) {
        results_.backward(position, pass.microbatch) = end;
      }
    }
    return timed.size() > before;
  }

  const Schedule& schedule_;
  const PassTimes& times_;
  Results results_;
  std::vector<int> stage_of_;  // by position
  Timeline timeline_;
};

}  // namespace

double PassTimes::of(PassKind kind) const {
  switch (kind) {
    case PassKind::kForward:
      return forward;
    case PassKind::kBackward:
      return backward_input + backward_weight;
    case PassKind::kBackwardInput:
      return backward_input;
    case PassKind::kBackwardWeight:
      return backward_weight;
  }
  return 0;
}

double Timeline::cost() const {
  double cost = 0;
  for (const auto& stage : stages) {
    if (!stage.empty()) cost = std::max(cost, stage.back().end - stage.front().begin);
  }
  return cost;
}

double Timeline::bubble_rate(const PassTimes& times, int microbatches) const {
  return 1 - microbatches * times.total() / cost();
}

Timeline simulate(const Schedule& schedule, const PassTimes& times) {
  return Simulation(schedule, times).run();
}

}  // namespace tutti
