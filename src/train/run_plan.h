// What a run will be, known before its first step: sizes, memory to the byte, arithmetic, the
// choices made and why, and the time that the machine's measured peaks predict. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "execute/machine.h"
#include "program/calls.h"
#include "program/report.h"
#include "train/config.h"
#include "train/run_programs.h"

namespace tutti {

// One of the sets that the samples come from.
struct PlannedSet {
  std::string path;
  double share = 1;   // of the samples
  double epochs = 0;  // how often the whole run reads it
};

struct RunPlan {
  Config config;
  int64_t parameters = 0;
  int64_t vocab_padded = 0;
  int64_t data_tokens = 0;
  int64_t data_samples = 0;
  std::vector<PlannedSet> data_sets;
  int64_t validation_tokens = 0;           // 0: no validation
  int64_t resumed_step = 0;                // 0: a new run
  int stage = 0;                           // of the pipeline, that this rank is on
  MemoryReport memory;                     // of the training step, on this rank
  int64_t arena_bytes = 0;                 // of all programs of the run, on this rank
  std::vector<int64_t> stage_arena_bytes;  // on a rank of each stage
  int64_t offloaded_bytes = 0;             // of all programs, on this rank
  std::vector<int64_t> stage_host_bytes;   // of them in the host's memory, on a rank of each stage
  CopiedBytes copied;                      // that this rank moves in a step of what is offloaded
  int64_t staging_bytes = 0;               // of checkpoints
  Plan layout;
  double bubble_rate = 0;          // of the schedule, with stages that take equally long
  double flops_per_step = 0;       // of all ranks
  double rank_flops_per_step = 0;  // of one
  int64_t wire_bytes = 0;          // that all ranks send in a step
  int threads = 0;
  std::string kernels;
  std::string matrix_library;
  int64_t recomputed_ops = 0;  // that backward repeats
  bool fused_loss = false;
  std::optional<MachinePeaks> peaks;  // when this machine was measured before
  double predicted_step_s = 0;        // with peaks
};

// The fields that follow from the compiled programs, for a rank of `plan.stage`.
void describe_programs(const RunPrograms& programs, const Layout& layout, const OpTable& ops,
                       RunPlan& plan);

// The measured peaks of this machine when they are known; never measures. A calibration file that
// cannot be read costs a warning.
std::optional<MachinePeaks> known_peaks(FileSystem& fs, int threads);

// One screen of text for people.
std::string format_run_plan(const RunPlan& plan);

}  // namespace tutti
