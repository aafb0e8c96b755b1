// The loss of a saved model on any token stream. The model needs nothing from outside: the config
// that it was trained with is in a checkpoint's manifest, or its sizes are in a config.json.
#pragma once

#include <functional>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "train/evaluate.h"

namespace tutti {

struct EvaluateCheckpointOptions {
  // A checkpoint's directory, a run's (its newest valid one), or one of Hugging Face.
  std::string path;
  std::string data;                      // see data/token_source.h for what it may name
  int64_t batches = 0;                   // microbatches as the run had them; 0: all of the data
  int threads = 0;                       // 0: every core this process may use
  std::function<bool()> stop_requested;  // asked before each batch; may be empty
};

struct CheckpointEvaluation {
  std::string checkpoint;  // the one that was read
  int64_t step = 0;
  int64_t parameters = 0;
  EvaluationResult result;
};

// kInterrupted when it was asked to stop. kInvalidArgument: no token of the data is learned.
Result<CheckpointEvaluation> evaluate_checkpoint(FileSystem& fs,
                                                 const EvaluateCheckpointOptions& options);

}  // namespace tutti
