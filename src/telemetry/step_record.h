// What a run reports of one optimizer step, and its form as a line of JSON.
//
// Numbers are written with the fewest digits that read back as the same double; nan and infinities,
// which JSON has no numbers for, as the strings "nan", "inf" and "-inf".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

struct StepRecord {
  int64_t step = 0;  // 1 for the first
  double loss = 0;
  double grad_norm = 0;  // before clipping
  double lr = 0;
  double tokens_per_s = 0;
  double step_time_s = 0;
  int64_t tokens = 0;                        // consumed since the run began, this step included
  bool skipped = false;                      // the optimizer left the parameters as they were
  std::optional<double> mfu = {};            // fraction of the peak FLOP/s
  std::optional<double> loss_z = {};         // z-score of the loss
  std::optional<double> val_loss = {};       // of the evaluation after this step
  std::optional<int64_t> memory_bytes = {};  // resident set of the process after this step
  std::optional<double> wall_s = {};         // when the step ended, in seconds since 1970

  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};

// One line without its line feed. Absent numbers are left out, and `skipped` unless it is true.
std::string to_json_line(const StepRecord& record);
// kCorrupt when the line is not a JSON object with at least an integer "step"; unknown keys are
// skipped, so that an older program reads a newer one's log.
Result<StepRecord> parse_step_record(std::string_view line);

}  // namespace tutti
