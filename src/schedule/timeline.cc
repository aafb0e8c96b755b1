#include "schedule/timeline.h"

#include <algorithm>

#include "schedule/arrivals.h"

namespace tutti {
namespace {

class Simulation {
 public:
  Simulation(const Schedule& schedule, const PassTimes& times)
      : schedule_(schedule), times_(times), arrivals_(schedule, times) {}

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
  bool advance(int stage) {
    const auto& passes = schedule_.stages[static_cast<size_t>(stage)];
    auto& timed = timeline_.stages[static_cast<size_t>(stage)];
    const size_t before = timed.size();
    while (timed.size() < passes.size()) {
      const ScheduledPass& pass = passes[timed.size()];
      const std::optional<double> input = arrivals_.input_at(stage, pass);
      if (!input) break;
      const double begin = std::max(timed.empty() ? 0.0 : timed.back().end, *input);
      const double end = begin + times_.of(pass.kind) / schedule_.chunks;
      timed.push_back({pass, begin, end});
      arrivals_.made(stage, pass, end);
    }
    return timed.size() > before;
  }

  const Schedule& schedule_;
  const PassTimes& times_;
  Arrivals arrivals_;
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

double Timeline::bubble_rate() const {
  double busiest = 0;
  for (const auto& stage : stages) {
    double busy = 0;
    for (const TimedPass& timed : stage) busy += timed.end - timed.begin;
    busiest = std::max(busiest, busy);
  }
  return cost() > 0 ? 1 - busiest / cost() : 0;
}

Timeline simulate(const Schedule& schedule, const PassTimes& times) {
  return Simulation(schedule, times).run();
}

}  // namespace tutti
