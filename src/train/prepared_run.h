// A run with everything in place for its next step: data open, programs compiled, memory taken,
// parameters and state there, the run's directory and log ready.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "execute/executor.h"
#include "models/step_graph.h"
#include "telemetry/run_log.h"
#include "train/checkpoint_policy.h"
#include "train/model_tensors.h"
#include "train/ranks.h"
#include "train/run_data.h"
#include "train/run_plan.h"
#include "train/trainer_state.h"

namespace tutti {

// The programs of a run's executor.
inline constexpr size_t kTrainProgram = 0;
inline constexpr size_t kEvaluateProgram = 1;  // when there is validation data

struct TrainOptions;

struct PreparedRun {
  Ranks ranks;
  std::unique_ptr<Communicator> save_ranks;  // for checkpoints; null for one rank
  std::unique_ptr<SpanRecorder> spans;       // what this rank does; null without a trace
  std::unique_ptr<FileLock> lock;  // of run.dir; first, for it is to go after all that writes there
  Config config;                   // of the run: what a resumed run keeps is in it
  RunPlan plan;
  RunData data;
  std::unique_ptr<Executor> executor;
  std::vector<ModelTensor> tensors;  // that checkpoints hold; in the executor's arena
  TrainerState state;
  RunIdentity identity;
  std::unique_ptr<CheckpointPolicy> checkpoints;
  std::optional<RunLog> log;  // the leader's
  int64_t seq_order = 1;      // of the positions of a sample
};

// Prepares a run, or with `resume` one to go on from its newest valid checkpoint. All that can be
// refused is refused before memory is taken or anything is written. Every rank makes the call. `fs`
// and `clock` must outlive the run.
Result<PreparedRun> prepare_run(FileSystem& fs, Clock& clock, Config config,
                                const TrainOptions& options);

}  // namespace tutti
