// The loss on held-out samples, by an evaluation program.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "data/token_dataset.h"
#include "execute/executor.h"
#include "train/ranks.h"

namespace tutti {

struct EvaluationResult {
  double loss = 0;     // mean over tokens, nats; of no tokens 0
  int64_t tokens = 0;  // that have a label
  int64_t batches = 0;
};

struct EvaluateOptions {
  int64_t batches = 0;    // of all ranks; 0: the whole stream
  int64_t seq_order = 1;  // see fill_samples
  // Asked before each batch; true ends the evaluation without a result. May be empty.
  std::function<bool()> stop_requested = {};
};

// Runs program `program` on `batches` microbatches: of the whole stream when it has no more, else
// of a fixed selection of its samples, so that every evaluation sees the same ones. Every rank makes
// the call. Nothing when it was to stop.
Result<std::optional<EvaluationResult>> evaluate(Executor& executor, size_t program, Ranks& ranks,
                                                 const TokenDataset& dataset,
                                                 const EvaluateOptions& options);

}  // namespace tutti
