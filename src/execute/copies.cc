#include "execute/copies.h"

namespace tutti {

Copies::Copies(std::unique_ptr<OffloadStore> store, SpanRecorder* spans)
    : store_(std::move(store)),
      in_(make_lane("copy in", "copy in", spans)),
      out_(make_lane("copy out", "copy out", spans)) {}

LaneJob Copies::job(const BoundInstruction& bound) {
  const bool fetches = bound.instruction->kind == OpKind::kFetch;
  const Operand& resident = fetches ? bound.outputs[0] : bound.inputs[0];
  const auto size = static_cast<size_t>(resident.count()) * dtype_bytes(resident.dtype);
  const std::span<char> bytes(static_cast<char*>(resident.data), size);
  const int64_t offset = bound.offloaded_offset;
  if (fetches) {
    return {in_, [this, bytes, offset] {
              in_bytes_ += static_cast<int64_t>(bytes.size());
              return store_->read(offset, bytes);
            }};
  }
  return {out_, [this, bytes, offset] {
            out_bytes_ += static_cast<int64_t>(bytes.size());
            return store_->write(offset, bytes);
          }};
}

}  // namespace tutti
