#include "checkpoint/async_writer.h"

#include <chrono>
#include <cstring>

#include "base/log.h"
#include "checkpoint/retention.h"

namespace tutti {

AsyncWriter::AsyncWriter(FileSystem& fs, std::string run_dir, int checkpoints_kept)
    : fs_(fs), run_dir_(std::move(run_dir)), checkpoints_kept_(checkpoints_kept) {}

AsyncWriter::~AsyncWriter() {
  const Status status = finish();
  if (!status.ok()) log_error("the last checkpoint was not saved: {}", status.message());
}

Status AsyncWriter::save(const Snapshot& snapshot) {
  TUTTI_TRY(finish());
  TUTTI_TRY(stage(snapshot));
  in_flight_ = std::async(std::launch::async, [this] { return write(); });
  return {};
}

Status AsyncWriter::finish() { return in_flight_.valid() ? in_flight_.get() : Status(); }

bool AsyncWriter::busy() const {
  return in_flight_.valid() &&
         in_flight_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

Status AsyncWriter::reserve(uint64_t bytes) {
  TUTTI_CHECK(!in_flight_.valid(), "a save is in flight");
  if (bytes <= staging_.bytes()) return {};
  if (prefault_.valid()) prefault_.get();
  staging_ = Arena();  // first, or both would have to fit
  TUTTI_ASSIGN(staging_, Arena::create(bytes));
  return {};
}

void AsyncWriter::prefault() {
  if (prefault_.valid()) prefault_.get();
  prefault_ = std::async(std::launch::async, [this] { staging_.first_touch(1); });
}

Status AsyncWriter::stage(const Snapshot& snapshot) {
  uint64_t bytes = 0;
  for (const SnapshotTensor& tensor : snapshot.tensors) bytes += tensor.bytes.size();
  TUTTI_TRY(reserve(bytes));
  if (prefault_.valid()) prefault_.get();
  staged_ = snapshot;
  char* place = staging_.data();
  for (SnapshotTensor& tensor : staged_.tensors) {
    const size_t size = tensor.bytes.size();
    if (size > 0) std::memcpy(place, tensor.bytes.data(), size);
    tensor.bytes = {place, size};
    place += size;
  }
  return {};
}

Status AsyncWriter::write() const {
  TUTTI_TRY(save_checkpoint(fs_, run_dir_, staged_));
  if (checkpoints_kept_ == 0) return {};
  return keep_last(fs_, run_dir_, checkpoints_kept_).status();
}

}  // namespace tutti
