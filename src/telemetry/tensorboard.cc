#include "telemetry/tensorboard.h"

#include <algorithm>
#include <array>

#include "base/crc32c.h"
#include "telemetry/event.pb.h"

namespace tutti {
namespace {

template <typename Word>
void append_little_endian(std::string& out, Word word) {
  for (size_t i = 0; i < sizeof(Word); ++i) out += static_cast<char>(word >> (8 * i) & 0xff);
}

std::string tf_record(std::string_view content) {
  std::string record;
  record.reserve(content.size() + 16);
  append_little_endian(record, static_cast<uint64_t>(content.size()));
  append_little_endian(record, masked_crc32c(crc32c(record.data(), record.size())));
  record += content;
  append_little_endian(record, masked_crc32c(crc32c(content.data(), content.size())));
  return record;
}

tensorboard::Event event_at(Clock& clock, int64_t step) {
  tensorboard::Event event;
  event.set_wall_time(clock.wall_s());
  event.set_step(step);
  return event;
}

Status append_event(WritableFile& file, const tensorboard::Event& event) {
  return file.append(tf_record(event.SerializeAsString()));
}

// A name that is free; TensorBoard reads a directory's files in the order of their names.
std::string new_path(FileSystem& fs, Clock& clock, const std::string& directory, std::string host) {
  std::replace(host.begin(), host.end(), '/', '_');
  for (int i = 0;; ++i) {
    const auto seconds = static_cast<int64_t>(clock.wall_s());
    std::string path =
        join_path(directory, fmt::format("events.out.tfevents.{:010}.{:03}.{}", seconds, i, host));
    if (!exists(fs, path)) return path;
  }
}

}  // namespace

Result<TensorBoardWriter> TensorBoardWriter::open(FileSystem& fs, Clock& clock,
                                                  const std::string& directory,
                                                  const TensorBoardOptions& options) {
  TUTTI_TRY(fs.create_directories(directory));
  TUTTI_ASSIGN(const auto older, fs.list(directory));
  std::string path = new_path(fs, clock, directory, options.host);
  TUTTI_ASSIGN(std::unique_ptr<WritableFile> file, fs.create(path));
  TensorBoardWriter writer(clock, std::move(path), std::move(file));
  TUTTI_TRY(writer.write_header());
  if (!older.empty()) TUTTI_TRY(writer.write_start(options.resume_step + 1));
  return writer;
}

Status TensorBoardWriter::write_header() {
  tensorboard::Event version = event_at(*clock_, 0);
  version.set_file_version("brain.Event:2");
  return append_event(*file_, version);
}

Status TensorBoardWriter::write_start(int64_t step) {
  tensorboard::Event start = event_at(*clock_, step);
  start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  return append_event(*file_, start);
}

Status TensorBoardWriter::scalars(int64_t step, std::span<const Scalar> values,
                                  std::optional<double> wall_s) {
  tensorboard::Event event = event_at(*clock_, step);
  if (wall_s) event.set_wall_time(*wall_s);
  for (const Scalar& scalar : values) {
    tensorboard::Summary::Value* value = event.mutable_summary()->add_value();
    value->set_tag(std::string(scalar.tag));
    value->set_simple_value(static_cast<float>(scalar.value));
  }
  return append_event(*file_, event);
}

Status TensorBoardWriter::text(int64_t step, std::string_view tag, std::string_view markdown) {
  tensorboard::Event event = event_at(*clock_, step);
  tensorboard::Summary::Value* value = event.mutable_summary()->add_value();
  value->set_tag(std::string(tag));
  value->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  tensorboard::TensorProto* tensor = value->mutable_tensor();
  tensor->set_dtype(tensorboard::DT_STRING);
  tensor->mutable_tensor_shape()->add_dim()->set_size(1);
  tensor->add_string_val(std::string(markdown));
  return append_event(*file_, event);
}

Status TensorBoardWriter::sync() { return file_->sync(); }

}  // namespace tutti
