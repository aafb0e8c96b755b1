#include "schedule/schedule.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tutti {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"F", "B", "Bi", "Bw"};
constexpr std::string_view kOrderV = "order=v";

// The number that `text` begins with, which is taken off it.
bool take_number(std::string_view& text, int& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

Result<ScheduledPass> parse_pass(std::string_view text, int line) {
  const size_t digits = std::min(text.find_first_of("0123456789"), text.size());
  const auto name = std::find(kNames.begin(), kNames.end(), text.substr(0, digits));
  std::string_view rest = text.substr(digits);
  ScheduledPass pass;
  bool good = name != kNames.end() && take_number(rest, pass.microbatch);
  if (good && rest.starts_with('.')) {
    rest.remove_prefix(1);
    good = !rest.starts_with('-') && take_number(rest, pass.chunk);
  }
  if (!good || !rest.empty()) {
    return corrupt(
        "schedule line {}: expected F, B, Bi or Bw, a microbatch, and a chunk if there are "
        "several, "
        "such as 'F0' or 'F0.1', found '{}'",
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

std::string label(int stage, const ScheduledPass& pass) {
  return fmt::format("stage {}: {}", stage, to_string(pass));
}

bool is_whole(PassKind kind) { return kind == PassKind::kBackward; }

// Which passes have been run: of a stage by chunk, of a schedule by position.
class Progress {
 public:
  Progress(int rows, int microbatches)
      : microbatches_(static_cast<size_t>(microbatches)),
        ran_(static_cast<size_t>(rows) * microbatches_ * kNames.size()) {}

  bool ran(PassKind kind, int row, int microbatch) const { return ran_[at(kind, row, microbatch)]; }
  void run(PassKind kind, int row, int microbatch) { ran_[at(kind, row, microbatch)] = true; }
  bool sent_back(int row, int microbatch) const {
    return ran(PassKind::kBackward, row, microbatch) ||
           ran(PassKind::kBackwardInput, row, microbatch);
  }

 private:
  size_t at(PassKind kind, int row, int microbatch) const {
    return (static_cast<size_t>(row) * microbatches_ + static_cast<size_t>(microbatch)) *
               kNames.size() +
           static_cast<size_t>(kind);
  }

  size_t microbatches_;
  std::vector<char> ran_;
};

// Of one pass, after those that its stage ran before.
Status check_pass(const Schedule& schedule, bool split, int stage, const ScheduledPass& pass,
                  const Progress& progress) {
  const int m = pass.microbatch, c = pass.chunk;
  if (m < 0 || m >= schedule.microbatches) {
    return invalid("{}: there are only {} microbatches", label(stage, pass), schedule.microbatches);
  }
  if (c < 0 || c >= schedule.chunks) {
    return invalid("{}: a stage has only {} chunks", label(stage, pass), schedule.chunks);
  }
  if (progress.ran(pass.kind, c, m)) return invalid("{} is run twice", label(stage, pass));
  if (pass.kind == PassKind::kForward) return {};
  if (is_whole(pass.kind) == split) {
    return invalid("{}: a schedule either splits every backward or none", label(stage, pass));
  }
  if (!progress.ran(PassKind::kForward, c, m)) {
    return invalid("{} comes before {}", label(stage, pass), to_string({PassKind::kForward, m, c}));
  }
  if (pass.kind == PassKind::kBackwardWeight && !progress.ran(PassKind::kBackwardInput, c, m)) {
    return invalid("{} comes before {}", label(stage, pass),
                   to_string({PassKind::kBackwardInput, m, c}));
  }
  return {};
}

// What every stage runs of each microbatch and chunk.
std::vector<PassKind> kinds_of(const Schedule& schedule) {
  if (schedule.splits_backward()) {
    return {PassKind::kForward, PassKind::kBackwardInput, PassKind::kBackwardWeight};
  }
  if (is_forward_only(schedule)) return {PassKind::kForward};
  return {PassKind::kForward, PassKind::kBackward};
}

Status check_stage(const Schedule& schedule, const std::vector<PassKind>& kinds, int stage) {
  const bool split = kinds.back() == PassKind::kBackwardWeight;
  Progress progress(schedule.chunks, schedule.microbatches);
  for (const ScheduledPass& pass : schedule.stages[static_cast<size_t>(stage)]) {
    TUTTI_TRY(check_pass(schedule, split, stage, pass, progress));
    progress.run(pass.kind, pass.chunk, pass.microbatch);
  }
  for (int m = 0; m < schedule.microbatches; ++m) {
    for (int c = 0; c < schedule.chunks; ++c) {
      for (PassKind kind : kinds) {
        if (!progress.ran(kind, c, m)) return invalid("{} is missing", label(stage, {kind, m, c}));
      }
    }
  }
  return {};
}

// Whether the neighbour that feeds a pass has run.
bool ready(const Schedule& schedule, const Progress& progress, int position,
           const ScheduledPass& pass) {
  if (pass.kind == PassKind::kForward) {
    return position == 0 || progress.ran(PassKind::kForward, position - 1, pass.microbatch);
  }
  if (pass.kind == PassKind::kBackwardWeight) return true;
  if (position + 1 == schedule.positions()) {
    return progress.ran(PassKind::kForward, position, pass.microbatch);
  }
  return progress.sent_back(position + 1, pass.microbatch);
}

Status check_deadlock(const Schedule& schedule) {
  Progress progress(schedule.positions(), schedule.microbatches);
  std::vector<size_t> next(schedule.stages.size(), 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (int s = 0; s < schedule.stage_count(); ++s) {
      const auto& passes = schedule.stages[static_cast<size_t>(s)];
      size_t& at = next[static_cast<size_t>(s)];
      for (; at < passes.size(); ++at, moved = true) {
        const int position = schedule.position(s, passes[at].chunk);
        if (!ready(schedule, progress, position, passes[at])) break;
        progress.run(passes[at].kind, position, passes[at].microbatch);
      }
    }
  }
  for (int s = 0; s < schedule.stage_count(); ++s) {
    const auto& passes = schedule.stages[static_cast<size_t>(s)];
    const size_t at = next[static_cast<size_t>(s)];
    if (at < passes.size()) {
      return invalid("{} waits for ever for its neighbour", label(s, passes[at]));
    }
  }
  return {};
}

// Microbatches in the order in which a position runs a pass of this kind.
std::vector<int> order_at(const Schedule& schedule, int position, PassKind kind) {
  const Pipeline pipeline = schedule.pipeline();
  std::vector<int> order;
  for (const ScheduledPass& pass :
       schedule.stages[static_cast<size_t>(pipeline.stage_of(position))]) {
    const bool same =
        pass.kind == kind || (kind == PassKind::kBackwardInput && is_whole(pass.kind));
    if (same && pass.chunk == pipeline.chunk_of(position)) order.push_back(pass.microbatch);
  }
  return order;
}

// What one position sends another takes in the same order.
Status check_orders(const Schedule& schedule) {
  for (PassKind kind : {PassKind::kForward, PassKind::kBackwardInput}) {
    std::vector<int> before = order_at(schedule, 0, kind);
    for (int p = 1; p < schedule.positions(); ++p) {
      const std::vector<int> order = order_at(schedule, p, kind);
      const auto [there, here] = std::mismatch(before.begin(), before.end(), order.begin());
      if (there != before.end()) {
        const int stage = schedule.pipeline().stage_of(p);
        return invalid(
            "stage {}: {} of microbatch {} where its neighbour has microbatch {}: all "
            "stages take microbatches in one order",
            stage, pass_name(kind), *here, *there);
      }
      before = order;
    }
  }
  return {};
}

// Calls visit(pass, microbatches held in it) for each pass of a stage; false ends.
template <typename Visit>
void count_held(const Schedule& schedule, int stage, double weight_part, Visit visit) {
  int before_backward = 0, before_weight = 0;
  for (const ScheduledPass& pass : schedule.stages[static_cast<size_t>(stage)]) {
    if (pass.kind == PassKind::kForward) ++before_backward;
    if (!visit(pass, (before_backward + weight_part * before_weight) / schedule.chunks)) return;
    if (is_whole(pass.kind) || pass.kind == PassKind::kBackwardInput) --before_backward;
    if (pass.kind == PassKind::kBackwardInput) ++before_weight;
    if (pass.kind == PassKind::kBackwardWeight) --before_weight;
  }
}

}  // namespace

std::string_view pass_name(PassKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::string to_string(const ScheduledPass& pass) {
  const std::string text = fmt::format("{}{}", pass_name(pass.kind), pass.microbatch);
  return pass.chunk == 0 ? text : fmt::format("{}.{}", text, pass.chunk);
}

bool Schedule::splits_backward() const {
  for (const auto& stage : stages) {
    for (const ScheduledPass& pass : stage) {
      if (pass.kind == PassKind::kBackwardInput) return true;
    }
  }
  return false;
}

bool is_forward_only(const Schedule& schedule) {
  for (const auto& stage : schedule.stages) {
    for (const ScheduledPass& pass : stage) {
      if (pass.kind != PassKind::kForward) return false;
    }
  }
  return true;
}

Schedule sequential_schedule(int microbatches) {
  Schedule schedule{microbatches, {{}}};
  for (int m = 0; m < microbatches; ++m) {
    schedule.stages[0].push_back({PassKind::kForward, m});
    schedule.stages[0].push_back({PassKind::kBackward, m});
  }
  return schedule;
}

Schedule forward_schedule(int microbatches, const Pipeline& pipeline) {
  std::vector<ScheduledPass> passes;
  for (int m = 0; m < microbatches; ++m) {
    for (int c = 0; c < pipeline.chunks; ++c) passes.push_back({PassKind::kForward, m, c});
  }
  return {microbatches, std::vector(static_cast<size_t>(pipeline.stages), passes), pipeline.chunks,
          pipeline.order};
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
    if (line == kOrderV && schedule.stages.empty()) {
      schedule.order = ChunkOrder::kV;
      continue;
    }
    schedule.stages.emplace_back();
    while (!line.empty()) {
      const size_t comma = std::min(line.find(','), line.size());
      TUTTI_ASSIGN(const ScheduledPass pass,
                   parse_pass(trimmed(line.substr(0, comma)), line_number));
      schedule.stages.back().push_back(pass);
      schedule.microbatches = std::max(schedule.microbatches, pass.microbatch + 1);
      schedule.chunks = std::max(schedule.chunks, pass.chunk + 1);
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
  }
  if (schedule.stages.empty()) return corrupt("the schedule has no stage");
  TUTTI_TRY(verify(schedule));
  return schedule;
}

std::string print_schedule_csv(const Schedule& schedule) {
  std::string text;
  if (schedule.order == ChunkOrder::kV) text = fmt::format("{}\n", kOrderV);
  for (const auto& stage : schedule.stages) {
    for (size_t i = 0; i < stage.size(); ++i) {
      text += fmt::format("{}{}", i == 0 ? "" : ",", to_string(stage[i]));
    }
    text += '\n';
  }
  return text;
}

Status verify(const Schedule& schedule) {
  const std::vector<PassKind> kinds = kinds_of(schedule);
  for (int s = 0; s < schedule.stage_count(); ++s) TUTTI_TRY(check_stage(schedule, kinds, s));
  TUTTI_TRY(check_deadlock(schedule));
  return check_orders(schedule);
}

double held_microbatches(const Schedule& schedule, int stage, double weight_part) {
  double most = 0;
  count_held(schedule, stage, weight_part, [&](const ScheduledPass&, double held) {
    most = std::max(most, held);
    return true;
  });
  return most;
}

Status verify_held(const Schedule& schedule, double limit, double weight_part) {
  constexpr double kRounding = 1e-9;
  Status status;
  for (int s = 0; s < schedule.stage_count() && status.ok(); ++s) {
    count_held(schedule, s, weight_part, [&](const ScheduledPass& pass, double held) {
      if (held <= limit + kRounding) return true;
      status = invalid("{} would hold the activations of {} microbatches, the limit is {}",
                       label(s, pass), held, limit);
      return false;
    });
  }
  return status;
}

}  // namespace tutti
