#include "checkpoint/shard_reading.h"

#include <cstring>
#include <vector>

namespace tutti {

namespace {

// Reads of at least this size go straight to their place.
constexpr uint64_t kDirectBytes = 256 << 10;
// A gap up to this size is cheaper to read than to skip.
constexpr uint64_t kGapBytes = 16 << 10;
constexpr uint64_t kBatchBytes = 1 << 20;

struct Run {
  uint64_t from = 0;  // in the stored tensor
  uint64_t to = 0;    // in the output
  uint64_t bytes = 0;
};

// Collects runs of ascending `from` and reads those that are close together at once.
class RunReader {
 public:
  RunReader(SafetensorsReader& file, const SafetensorsTensor& stored, std::span<char> out)
      : file_(file), stored_(stored), out_(out) {}

  Status add(const Run& run) {
    if (!runs_.empty()) {
      const Run& first = runs_.front();
      const uint64_t end = runs_.back().from + runs_.back().bytes;
      const bool near = run.from >= end && run.from - end <= kGapBytes;
      if (!near || run.from + run.bytes - first.from > kBatchBytes) TUTTI_TRY(flush());
    }
    if (run.bytes >= kDirectBytes) {
      TUTTI_TRY(flush());
      return file_.read(stored_, run.from, out_.subspan(run.to, run.bytes));
    }
    runs_.push_back(run);
    return {};
  }

  Status flush() {
    if (runs_.empty()) return {};
    const uint64_t begin = runs_.front().from;
    buffer_.resize(runs_.back().from + runs_.back().bytes - begin);
    TUTTI_TRY(file_.read(stored_, begin, buffer_));
    for (const Run& run : runs_) {
      std::memcpy(out_.data() + run.to, buffer_.data() + (run.from - begin), run.bytes);
    }
    runs_.clear();
    return {};
  }

 private:
  SafetensorsReader& file_;
  const SafetensorsTensor& stored_;
  std::span<char> out_;
  std::vector<Run> runs_;
  std::vector<char> buffer_;
};

}  // namespace

Status read_from_shard(SafetensorsReader& file, const SafetensorsTensor& stored,
                       std::span<const Box> shard_boxes, const Box& wanted, std::span<char> out) {
  const uint64_t element_bytes = dtype_bytes(stored.dtype);
  RunReader reader(file, stored, out);
  uint64_t box_start = 0;  // of the box's elements in the stored tensor
  for (const Box& box : shard_boxes) {
    if (const std::optional<Box> common = intersect(box, wanted)) {
      TUTTI_TRY(for_each_run(*common, box, wanted, [&](int64_t from, int64_t to, int64_t count) {
        return reader.add({.from = (box_start + static_cast<uint64_t>(from)) * element_bytes,
                           .to = static_cast<uint64_t>(to) * element_bytes,
                           .bytes = static_cast<uint64_t>(count) * element_bytes});
      }));
    }
    box_start += static_cast<uint64_t>(element_count(box.size));
  }
  return reader.flush();
}

}  // namespace tutti
