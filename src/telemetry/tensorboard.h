// Writes TensorBoard event files: scalars and text.
//
// The format is TFRecord (length, masked CRC32C of the length, an Event, masked CRC32C of it), the
// messages are those of event.proto. Each open() makes a new file; TensorBoard merges all files of
// a directory. Not thread-safe. The FileSystem and Clock must outlive the writer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fs.h"

namespace tutti {

struct Scalar {
  std::string_view tag;  // "train/loss"
  double value;          // stored as a float, as TensorBoard does
};

struct TensorBoardOptions {
  std::string host = "localhost";  // part of the file's name
  // The run continues after this step, and TensorBoard forgets later ones of older files.
  int64_t resume_step = 0;
};

class TensorBoardWriter {
 public:
  // Creates `directory` when missing.
  static Result<TensorBoardWriter> open(FileSystem& fs, Clock& clock, const std::string& directory,
                                        const TensorBoardOptions& options = {});

  // `wall_s`: when they were measured, in seconds since 1970; without it now.
  Status scalars(int64_t step, std::span<const Scalar> values, std::optional<double> wall_s = {});
  Status text(int64_t step, std::string_view tag, std::string_view markdown);
  Status sync();
  const std::string& path() const { return path_; }

 private:
  TensorBoardWriter(Clock& clock, std::string path, std::unique_ptr<WritableFile> file)
      : clock_(&clock), path_(std::move(path)), file_(std::move(file)) {}

  Status write_header();
  Status write_start(int64_t step);

  Clock* clock_;
  std::string path_;
  std::unique_ptr<WritableFile> file_;
};

}  // namespace tutti
