// A run's log.jsonl as what it says: each step once. Values; a run that goes on may be read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "telemetry/step_record.h"

namespace tutti {

inline constexpr const char* kStepLogName = "log.jsonl";

// A line of the log; the view points into the log.
struct StepLine {
  std::string_view text;  // without its line feed
  bool ended;             // by a line feed: else its writer was killed, or is at it
  Result<StepRecord> record;
};

// Takes the first line off `log`, which must not be empty.
StepLine take_step_line(std::string_view& log);

struct StepLog {
  std::vector<StepRecord> records = {};  // in rising order of steps
  int64_t replaced = 0;                  // records whose step a later line has again
  int64_t unreadable = 0;                // lines that are no record, without the torn one
  bool torn = false;  // the last line has no end: its writer was killed, or is at it
};

StepLog parse_step_log(std::string_view text);

// The log of a run's directory. kNotFound when there is none, kCorrupt when none of its lines is a
// record.
Result<StepLog> read_step_log(FileSystem& fs, const std::string& run_dir);

}  // namespace tutti
