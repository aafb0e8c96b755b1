// A training run small enough to be held against another implementation digit by digit: sizes,
// optimizer, learning rate, and a start (weights and tokens) that both sides draw from the
// counter-based generator, so that nothing but results needs to be stored. tests/interop/cases.py
// is the same in Python. Thread-safe: values and pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "models/config.h"
#include "optim/lr_schedule.h"
#include "optim/optimizer.h"

namespace tutti {

struct ReferenceCase {
  std::string name;
  ModelConfig model;
  int64_t seq = 0;
  int64_t batch = 0;  // samples of a microbatch
  int64_t microbatches = 0;
  int64_t batches = 0;  // different steps' worth of data; step s trains on number s % batches
  int64_t steps = 0;    // of the loss curve
  uint64_t seed = 0;
  double weight_range = 0;  // weights start uniform in +-this; those of norms one higher
  OptimizerOptions optimizer;
  LrSchedule schedule;

  int64_t tokens() const { return microbatches * batch * seq; }  // of one step
};

// kCorrupt, naming `source` and the key, when a key is missing or of another type.
Result<ReferenceCase> parse_reference_case(const Json& object, const std::string& source);

// tokens and labels [microbatch, batch, seq]; a label of -1 is ignored.
struct ReferenceBatch {
  std::vector<int32_t> tokens;
  std::vector<int32_t> labels;
};

std::vector<float> reference_weights(const ReferenceCase& c, std::string_view name, int64_t count);
ReferenceBatch reference_batch(const ReferenceCase& c, int64_t number);

}  // namespace tutti
