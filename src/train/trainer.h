// The training loop: one optimizer step after the other, with its log, evaluations and checkpoints.
//
//   TUTTI_ASSIGN(auto trainer, Trainer::create(fs, clock, config, options));
//   print(format_run_plan(trainer->plan()));
//   TUTTI_ASSIGN(const TrainSummary summary, trainer->run(observer));
//
// Used by one thread (kernels use theirs). `fs` and `clock` must outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "train/prepared_run.h"
#include "train/step_report.h"

namespace tutti {

struct TrainOptions {
  bool resume = false;   // go on from the newest valid checkpoint of run.dir
  bool profile = false;  // time every instruction
  // The run's ranks: null for one. Every rank makes a Trainer and the same calls; the leader's
  // files and log are the run's. `ranks_on_host` of them share this machine.
  World* world = nullptr;
  int ranks_on_host = 1;
  std::string trace = {};  // a file for what every rank did when; empty: none
  // Asked after each step and within evaluations: true ends the run after a checkpoint. May be
  // empty. Once true it must stay true.
  std::function<bool()> stop_requested = {};
};

struct TrainSummary {
  int64_t step = 0;                        // the last one
  int64_t steps_run = 0;                   // of them, in this process
  bool stopped = false;                    // before train.steps, because it was asked to
  double loss = 0;                         // of the last step; NaN when none was run
  std::optional<double> validation_loss;   // the last one of this process
  int64_t skipped = 0;                     // steps without an update, of the whole run
  int64_t tokens = 0;                      // of this process
  double training_s = 0;                   // in steps; without evaluations and checkpoints
  double step_s_median = 0;                // of the last steps
  std::optional<double> peak_fraction;     // of the machine's matrix peak
  std::optional<double> predicted_step_s;  // by the machine's peaks
  int64_t planned_bytes = 0;
  int64_t allocated_bytes = 0;
  CopiedBytes planned_copies;  // of what is offloaded, in a step of this rank
  CopiedBytes copied;          // the same, measured: of the last step
  std::string checkpoint;      // the newest one's directory; "" when there is none
  std::string profile;         // a table, with TrainOptions::profile
};

class Trainer {
 public:
  static Result<std::unique_ptr<Trainer>> create(FileSystem& fs, Clock& clock, Config config,
                                                 TrainOptions options);

  const RunPlan& plan() const { return run_.plan; }
  bool leads() const { return run_.ranks.leads(); }

  // Trains until train.steps are done or the run is asked to stop; either way its last checkpoint
  // is on disk then. Fails when ten steps in a row had a gradient that is not finite, and when log
  // or checkpoints cannot be written. Once only.
  Result<TrainSummary> run(TrainObserver& observer);

 private:
  Trainer(FileSystem& fs, Clock& clock, PreparedRun run, TrainOptions options);

  bool stop_requested() const { return options_.stop_requested && options_.stop_requested(); }
  Result<StepReport> run_step();
  void note_step(StepReport& report);
  Status evaluate_if_due(StepRecord& record);
  Status check_finite() const;
  Result<Snapshot> take_snapshot();
  TrainSummary summary();
  void compare_with_peaks(TrainSummary& summary);
  Status write_trace();

  FileSystem& fs_;
  Clock& clock_;
  PreparedRun run_;
  TrainOptions options_;
  Profile profile_;
  TrainSummary so_far_;
  std::deque<double> step_seconds_;  // of the last steps
  std::deque<double> loop_seconds_;  // the same with all that a step entails
};

}  // namespace tutti
