// Where the queries and keys of attention lie and which positions they have: lookups in the runs of
// kernels.h. Internal to attention.
//
// Searches are calls, so that kernels without runs pay for a comparison alone.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

// The run that holds index i. Requires runs.
__attribute__((noinline)) inline const PositionRun& run_at(const PositionRuns& in, int64_t i) {
  int64_t low = 0, high = in.count;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (in.runs[middle].first <= i ? low : high) = middle;
  }
  return in.runs[low];
}

// The last run that begins before a position, or the first. Requires runs.
__attribute__((noinline)) inline const PositionRun& run_before(const PositionRuns& in,
                                                               int64_t position) {
  int64_t low = 0, high = in.count;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (in.runs[middle].position < position ? low : high) = middle;
  }
  return in.runs[low];
}

inline int64_t row_at(const PositionRuns& in, int64_t i) {
  if (in.count == 0) return i;
  const PositionRun& run = run_at(in, i);
  return run.row + i - run.first;
}

inline int64_t position_at(const PositionRuns& in, int64_t i) {
  if (in.count == 0) return i;
  const PositionRun& run = run_at(in, i);
  return run.position + i - run.first;
}

// How many of the n indices from i on are consecutive rows.
inline int64_t rows_together(const PositionRuns& in, int64_t i, int64_t n) {
  if (in.count == 0) return n;
  const PositionRun& run = run_at(in, i);
  const int64_t left = run.first + run.size - i;
  return left < n ? left : n;
}

// How many indices have positions before this one: the index of the first that does not, if there
// is one. Without runs any integer may be a position.
inline int64_t indices_before(const PositionRuns& in, int64_t position) {
  if (in.count == 0) return position;
  const PositionRun& run = run_before(in, position);
  const int64_t into = position - run.position;
  return run.first + (into < 0 ? 0 : into < run.size ? into : run.size);
}

}  // namespace tutti::cpu::TUTTI_ISA
