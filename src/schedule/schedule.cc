#include "schedule/schedule.h"

#include <algorithm>
#include <charconv>
#include <array>
#include <map>

namespace tutti {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"F", "B", "Bi", "Bw"};

Result<ScheduledPass> parse_pass(std::string_view text, int line) {
  const size_t digits = std::min(text.find_first_of("0123456789"), text.size());
  const auto name = std::find(kNames.begin(), kNames.end(), text.substr(0, digits));
  ScheduledPass pass;
  const char* end = text.data() + text.size();
  const auto [after, failure] = std::from_chars(text.data() + digits, end, pass.microbatch);
  if (name == kNames.end() || failure != std::errc() || after != end) {
    return corrupt("schedule line {}: expected F, B, Bi or Bw and a microbatch, such as 'F0', found '{}'",
                   line, text);
  }
  pass.kind = static_cast<PassKind>(name - kNames.begin());
  return pass;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::string label(size_t stage, const ScheduledPass& pass) {
  return fmt::format("stage {}: {}{}", stage, pass_name(pass.kind), pass.microbatch);
}

// What must have been run for a pass to run: on this stage, and on the neighbour that feeds it.
struct Progress {
  std::map<int, bool> done[4];  // by kind, by microbatch
  bool ran(PassKind kind, int microbatch) const {
    const auto& of_kind = done[static_cast<size_t>(kind)];
    return of_kind.contains(microbatch);
  }
  bool sent_back(int microbatch) const {
    return ran(PassKind::kBackward, microbatch) || ran(PassKind::kBackwardInput, microbatch);
  }
};

Status check_stage(const Schedule& schedule, size_t stage) {
  const bool split = schedule.splits_backward();
  Progress progress;
  for (const ScheduledPass& pass : schedule.stages[stage]) {
    const int m = pass.microbatch;
    if (m < 0 || m >= schedule.microbatches) {
      return invalid("{}: there are only {} microbatches", label(stage, pass), schedule.microbatches);
    }
    if (progress.ran(pass.kind, m)) return invalid("{} is run twice", label(stage, pass));
    const bool whole = pass.kind == PassKind::kBackward;
    if (pass.kind != PassKind::kForward && whole == split) {
      return invalid("{}: a schedule either splits every backward or none", label(stage, pass));
    }
    if (pass.kind != PassKind::kForward && !progress.ran(PassKind::kForward, m)) {
      return invalid("{} comes before F{}", label(stage, pass), m);
    }
    if (pass.kind == PassKind::kBackwardWeight && !progress.ran(PassKind::kBackwardInput, m)) {
      return invalid("{} comes before Bi{}", label(stage, pass), m);
    }
    progress.done[static_cast<size_t>(pass.kind)][m] = true;
  }
  const size_t passes = split ? 3 : (progress.done[1].empty() ? 1 : 2);
  if (schedule.stages[stage].size() != passes * static_cast<size_t>(schedule.microbatches)) {
    return invalid("stage {} runs {} passes, expected {} for {} microbatches", stage,
                   schedule.stages[stage].size(), passes * static_cast<size_t>(schedule.microbatches),
                   schedule.microbatches);
  }
  return {};
}

bool ready(const std::vector<Progress>& progress, size_t stage, const ScheduledPass& pass) {
  if (pass.kind == PassKind::kForward) {
    return stage == 0 || progress[stage - 1].ran(PassKind::kForward, pass.microbatch);
  }
  if (pass.kind == PassKind::kBackwardWeight) return true;
  return stage + 1 == progress.size() || progress[stage + 1].sent_back(pass.microbatch);
}

Status check_deadlock(const Schedule& schedule) {
  std::vector<Progress> progress(schedule.stages.size());
  std::vector<size_t> next(schedule.stages.size(), 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t s = 0; s < schedule.stages.size(); ++s) {
      while (next[s] < schedule.stages[s].size() && ready(progress, s, schedule.stages[s][next[s]])) {
        const ScheduledPass& pass = schedule.stages[s][next[s]++];
        progress[s].done[static_cast<size_t>(pass.kind)][pass.microbatch] = true;
        moved = true;
      }
    }
  }
  for (size_t s = 0; s < schedule.stages.size(); ++s) {
    if (next[s] < schedule.stages[s].size()) {
      return invalid("{} waits for ever for its neighbour", label(s, schedule.stages[s][next[s]]));
    }
  }
  return {};
}

}  // namespace

std::string_view pass_name(PassKind kind) { return kNames[static_cast<size_t>(kind)]; }

bool Schedule::splits_backward() const {
  for (const auto& stage : stages) {
    for (const ScheduledPass& pass : stage) {
      if (pass.kind == PassKind::kBackwardInput) return true;
    }
  }
  return false;
}

Schedule sequential_schedule(int microbatches) {
  Schedule schedule{microbatches, {{}}};
  for (int m = 0; m < microbatches; ++m) {
    schedule.stages[0].push_back({PassKind::kForward, m});
    schedule.stages[0].push_back({PassKind::kBackward, m});
  }
  return schedule;
}

Schedule forward_schedule(int microbatches) {
  Schedule schedule{microbatches, {{}}};
  for (int m = 0; m < microbatches; ++m) schedule.stages[0].push_back({PassKind::kForward, m});
  return schedule;
}

Result<Schedule> parse_schedule_csv(std::string_view text) {
  Schedule schedule;
  int line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty() || line.front() == '#') continue;
    schedule.stages.emplace_back();
    while (!line.empty()) {
      const size_t comma = std::min(line.find(','), line.size());
      TUTTI_ASSIGN(const ScheduledPass pass, parse_pass(trimmed(line.substr(0, comma)), line_number));
      schedule.stages.back().push_back(pass);
      schedule.microbatches = std::max(schedule.microbatches, pass.microbatch + 1);
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
  }
  if (schedule.stages.empty()) return corrupt("the schedule has no stage");
  TUTTI_TRY(verify(schedule));
  return schedule;
}

Status verify(const Schedule& schedule) {
  for (size_t s = 0; s < schedule.stages.size(); ++s) TUTTI_TRY(check_stage(schedule, s));
  return check_deadlock(schedule);
}

}  // namespace tutti
