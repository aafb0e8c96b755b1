#include "checkpoint/async_writer.h"

#include <chrono>
#include <cstring>

#include "base/log.h"

namespace tutti {

AsyncWriter::~AsyncWriter() {
  const Status status = finish();
  if (!status.ok()) log_error("the last checkpoint was not saved: {}", status.message());
}

Status AsyncWriter::save(const Snapshot& snapshot) {
  TUTTI_TRY(finish());
  TUTTI_TRY(group_.agree(stage(snapshot)));
  in_flight_ = std::async(std::launch::async, [this] { return group_.save(staged_).status(); });
  return {};
}

Status AsyncWriter::finish() { return in_flight_.valid() ? in_flight_.get() : Status(); }

bool AsyncWriter::busy() const {
  return in_flight_.valid() &&
         in_flight_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

Status AsyncWriter::reserve(uint64_t bytes) {
  TUTTI_CHECK(!in_flight_.valid(), "a save is in flight");
  return group_.agree(grow(bytes));
}

Status AsyncWriter::grow(uint64_t bytes) {
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
  TUTTI_TRY(grow(bytes));
  if (prefault_.valid()) prefault_.get();
  staged_ = snapshot;
  char* place = staging_.data();
  for (SnapshotTensor& tensor : staged_.tensors) {
    const size_t size = tensor.bytes.size();
    TUTTI_CHECK(!tensor.read, "\"{}\" is not in memory", tensor.name);
    if (size > 0) std::memcpy(place, tensor.bytes.data(), size);
    tensor.bytes = {place, size};
    place += size;
  }
  return {};
}

}  // namespace tutti
