// The loss on held-out samples, by an evaluation program.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "data/token_dataset.h"
#include "execute/executor.h"

namespace tutti {

struct EvaluationResult {
  double loss = 0;     // mean over tokens, nats; of no tokens 0
  int64_t tokens = 0;  // that have a label
  int64_t batches = 0;
};

// Runs program `program` on `batches` microbatches: of the whole stream when it has no more, else
// of a fixed selection of its samples, so that every evaluation sees the same ones. 0: the whole
// stream. Nothing when `stop_requested` (asked before each batch; may be empty) says so.
Result<std::optional<EvaluationResult>> evaluate(Executor& executor, size_t program,
                                                 const TokenDataset& dataset, int64_t batches,
                                                 const std::function<bool()>& stop_requested);

}  // namespace tutti
