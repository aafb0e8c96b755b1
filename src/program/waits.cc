#include "program/waits.h"

#include <algorithm>

namespace tutti {
namespace {

bool share(const std::vector<Touched>& a, const std::vector<Touched>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Touched& x) {
    return std::any_of(b.begin(), b.end(), [&](const Touched& y) {
      return x.storage == y.storage && x.first < y.last && y.first < x.last;
    });
  });
}

bool same_lane(const Instruction& a, const Instruction& b) {
  return a.lane != LaneKind::kCompute && a.lane == b.lane && a.lane_name() == b.lane_name();
}

// The instruction that begins the block `lag` + 1 after that of `from`.
int end_of_lag(const Body& body, int from, int lag) {
  const int count = static_cast<int>(body.instructions.size());
  int block = body.instructions[static_cast<size_t>(from)].block;
  for (int i = from + 1; i < count; ++i) {
    const Instruction& next = body.instructions[static_cast<size_t>(i)];
    if (next.block == block || next.lane != LaneKind::kCompute) continue;
    block = next.block;
    if (lag-- == 0) return i;
  }
  return count;
}

void wait_for(Instruction& instruction, int body, int index) {
  const InstructionRef ref{body, index};
  auto& waits = instruction.waits;
  if (std::find(waits.begin(), waits.end(), ref) == waits.end()) waits.push_back(ref);
}

}  // namespace

bool conflict(const Access& a, const Access& b) {
  return share(a.writes, b.writes) || share(a.writes, b.reads) || share(a.reads, b.writes);
}

std::vector<int> add_waits(Body& body, int number, const std::vector<Access>& accesses,
                           const std::vector<bool>& lasts, int lag) {
  const int count = static_cast<int>(body.instructions.size());
  std::vector<int> done(static_cast<size_t>(count), count);
  for (int c = count; c-- > 0;) {
    const auto at = static_cast<size_t>(c);
    Instruction& beside = body.instructions[at];
    if (beside.lane == LaneKind::kCompute) {
      done[at] = c + 1;
      continue;
    }
    beside.outlasts_body = lasts[at];
    for (int i = c + 1; i < count; ++i) {
      const auto next = static_cast<size_t>(i);
      Instruction& later = body.instructions[next];
      const bool ordered = same_lane(beside, later);
      if (!ordered && !conflict(accesses[at], accesses[next])) continue;
      if (!ordered) wait_for(later, number, c);
      if (later.lane == LaneKind::kCompute) {
        done[at] = std::min(done[at], i);
        break;
      }
      // A lane's wait does not hold up what is behind it: who waits for the later one waits for
      // both.
      const bool runs_too = later.when == When::kEach || beside.when == When::kLast;
      if (runs_too) done[at] = std::min(done[at], done[next]);
    }
    if (lasts[at]) continue;
    const int limit = end_of_lag(body, c, lag);
    if (limit >= done[at] || limit == count) continue;
    wait_for(body.instructions[static_cast<size_t>(limit)], number, c);
    done[at] = limit;
  }
  return done;
}

void add_waits_across(Program& program, const std::vector<std::vector<Access>>& accesses) {
  for (size_t b = 0; b < program.bodies.size(); ++b) {
    for (size_t c = 0; c < program.bodies[b].instructions.size(); ++c) {
      const Instruction& beside = program.bodies[b].instructions[c];
      if (beside.lane == LaneKind::kCompute || !beside.outlasts_body) continue;
      for (size_t other = 0; other < program.bodies.size(); ++other) {
        auto& instructions = program.bodies[other].instructions;
        for (size_t i = 0; i < instructions.size(); ++i) {
          const bool same = other == b && i >= c;
          if (same || same_lane(beside, instructions[i])) continue;
          if (!conflict(accesses[b][c], accesses[other][i])) continue;
          wait_for(instructions[i], static_cast<int>(b), static_cast<int>(c));
        }
      }
    }
  }
}

}  // namespace tutti
