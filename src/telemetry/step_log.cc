#include "telemetry/step_log.h"

#include <map>

namespace tutti {
namespace {

constexpr uint64_t kStepLogBytesMax = uint64_t{1} << 30;  // some 4 million steps

}  // namespace

StepLine take_step_line(std::string_view& log) {
  const size_t feed = log.find('\n');
  const bool ended = feed != std::string_view::npos;
  const std::string_view text = log.substr(0, feed);
  log.remove_prefix(ended ? feed + 1 : log.size());
  return {text, ended, parse_step_record(text)};
}

StepLog parse_step_log(std::string_view text) {
  StepLog log;
  std::map<int64_t, StepRecord> by_step;
  while (!text.empty()) {
    const StepLine line = take_step_line(text);
    const Result<StepRecord>& record = line.record;
    if (record.ok()) {
      log.replaced += by_step.contains(record->step) ? 1 : 0;
      by_step.insert_or_assign(by_step.end(), record->step, *record);
    } else if (line.ended) {
      ++log.unreadable;
    } else {
      log.torn = true;
    }
  }
  log.records.reserve(by_step.size());
  for (const auto& [step, record] : by_step) log.records.push_back(record);
  return log;
}

Result<StepLog> read_step_log(FileSystem& fs, const std::string& run_dir) {
  const std::string path = join_path(run_dir, kStepLogName);
  if (!exists(fs, path)) {
    return not_found("{} holds no {}: it is no run's directory, or its run has not begun", run_dir,
                     kStepLogName);
  }
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kStepLogBytesMax));
  StepLog log = parse_step_log(text);
  if (log.records.empty() && log.unreadable > 0) {
    return corrupt("{}: none of its {} lines is a step's record", path, log.unreadable);
  }
  return log;
}

}  // namespace tutti
