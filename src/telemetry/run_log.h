// The log of a run: log.jsonl, one StepRecord a line, and the same as TensorBoard scalars.
//
// log.jsonl has each step once, in rising order, however often the run was restarted: open() drops
// what a run that died had logged after the checkpoint that it is resumed from. Not thread-safe.
// The FileSystem and Clock must outlive the log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fs.h"
#include "telemetry/step_record.h"
#include "telemetry/tensorboard.h"

namespace tutti {

struct RunLogOptions {
  int64_t resume_step = 0;  // the last step that stays; 0 for a new run
  bool tensorboard = true;  // below <directory>/tensorboard
  std::string host = "localhost";
};

class RunLog {
 public:
  // Creates `directory` when missing.
  static Result<RunLog> open(FileSystem& fs, Clock& clock, const std::string& directory,
                             const RunLogOptions& options = {});

  // Requires a step above the last one.
  Status append(const StepRecord& record);
  // A note for people, such as the plan or the configuration; TensorBoard only.
  Status text(int64_t step, std::string_view tag, std::string_view markdown);
  // To be called before a checkpoint is published, so that no step up to it can be missing.
  Status sync();

  int64_t last_step() const { return last_step_; }
  // Lines that open() dropped: steps after resume_step, and lines that a crash left half-written.
  int64_t dropped_lines() const { return dropped_lines_; }

 private:
  RunLog() = default;

  std::unique_ptr<WritableFile> file_;
  std::optional<TensorBoardWriter> tensorboard_;
  int64_t last_step_ = 0;
  int64_t dropped_lines_ = 0;
};

}  // namespace tutti
