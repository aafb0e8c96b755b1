// Every mutable field of a training run that is not a tensor, and its form in a checkpoint's
// manifest. A run restored from it goes on bit for bit. A value.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "checkpoint/manifest.h"
#include "telemetry/zscore.h"

namespace tutti {

inline constexpr size_t kZScoreWindow = 100;  // steps

struct TrainerState {
  int64_t step = 0;              // done
  int64_t skipped = 0;           // of them, without an update
  int64_t skipped_in_a_row = 0;  // up to the last one
  ZScore losses{kZScoreWindow};
  ZScore grad_norms{kZScoreWindow};
};

// What a checkpoint says of its run besides the state.
struct RunIdentity {
  std::string config;            // resolved, as TOML
  std::string data_fingerprint;  // of the training data
  std::string arithmetic;        // kernels, library and threads: what the last bits depend on
  bool chat = false;             // some of the data are examples of fine-tuning
};

Json trainer_to_json(const TrainerState& state, const RunIdentity& identity);

// kCorrupt names the manifest's field.
Result<TrainerState> state_from_manifest(const Manifest& manifest);
Result<RunIdentity> identity_from_manifest(const Manifest& manifest);

// RunIdentity::chat alone; false where a checkpoint does not say.
bool is_chat_run(const Manifest& manifest);

}  // namespace tutti
