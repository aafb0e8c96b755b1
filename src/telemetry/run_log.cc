#include "telemetry/run_log.h"

#include <vector>

#include "telemetry/step_log.h"

namespace tutti {
namespace {

constexpr uint64_t kRunLogBytesMax = uint64_t{8} << 30;  // some 40 million steps

struct Kept {
  std::string text;
  int64_t last_step = 0;
  int64_t dropped_lines = 0;
};

// The lines of steps up to `step_max`, in rising order. A line that cannot be read, or has no line
// feed, is what a crash left of an append.
Kept keep_steps(std::string_view text, int64_t step_max) {
  Kept kept;
  while (!text.empty()) {
    const StepLine line = take_step_line(text);
    const Result<StepRecord>& record = line.record;
    const bool whole = line.ended && record.ok();
    if (!whole || record->step > step_max || record->step <= kept.last_step) {
      ++kept.dropped_lines;
      continue;
    }
    kept.text.append(line.text).push_back('\n');
    kept.last_step = record->step;
  }
  return kept;
}

Result<Kept> drop_later_steps(FileSystem& fs, const std::string& path, int64_t step_max) {
  const Result<FileInfo> info = fs.stat(path);
  if (!info.ok()) {
    if (info.error().kind == ErrorKind::kNotFound) return Kept{};
    return info.error();
  }
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kRunLogBytesMax));
  Kept kept = keep_steps(text, step_max);
  if (kept.dropped_lines > 0) TUTTI_TRY(write_file_atomic(fs, path, kept.text));
  return kept;
}

std::vector<Scalar> scalars_of(const StepRecord& record) {
  std::vector<Scalar> scalars = {
      {"train/loss", record.loss},
      {"train/grad_norm", record.grad_norm},
      {"train/lr", record.lr},
      {"speed/tokens_per_s", record.tokens_per_s},
      {"speed/step_time_s", record.step_time_s},
  };
  if (record.mfu) scalars.push_back({"speed/mfu", *record.mfu});
  if (record.loss_z) scalars.push_back({"train/loss_z", *record.loss_z});
  if (record.val_loss) scalars.push_back({"val/loss", *record.val_loss});
  if (record.memory_bytes) {
    scalars.push_back({"memory/resident_bytes", static_cast<double>(*record.memory_bytes)});
  }
  return scalars;
}

}  // namespace

Result<RunLog> RunLog::open(FileSystem& fs, Clock& clock, const std::string& directory,
                            const RunLogOptions& options) {
  TUTTI_TRY(fs.create_directories(directory));
  const std::string path = join_path(directory, kStepLogName);
  TUTTI_ASSIGN(const Kept kept, drop_later_steps(fs, path, options.resume_step));
  RunLog log;
  log.last_step_ = kept.last_step;
  log.dropped_lines_ = kept.dropped_lines;
  TUTTI_ASSIGN(log.file_, fs.open_append(path));
  if (options.tensorboard) {
    const std::string events = join_path(directory, "tensorboard");
    TUTTI_ASSIGN(log.tensorboard_, TensorBoardWriter::open(
                                       fs, clock, events,
                                       {.host = options.host, .resume_step = options.resume_step}));
    TUTTI_TRY(fs.sync_directory(events));
  }
  TUTTI_TRY(fs.sync_directory(directory));
  return log;
}

Status RunLog::append(const StepRecord& record) {
  TUTTI_CHECK(record.step > last_step_, "step {} after step {}", record.step, last_step_);
  TUTTI_TRY(file_->append(to_json_line(record) + "\n"));
  last_step_ = record.step;
  if (!tensorboard_) return {};
  return tensorboard_->scalars(record.step, scalars_of(record), record.wall_s);
}

Status RunLog::text(int64_t step, std::string_view tag, std::string_view markdown) {
  return tensorboard_ ? tensorboard_->text(step, tag, markdown) : Status();
}

Status RunLog::sync() {
  TUTTI_TRY(file_->sync());
  return tensorboard_ ? tensorboard_->sync() : Status();
}

}  // namespace tutti
