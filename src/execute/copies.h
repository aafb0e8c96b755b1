// The copies of one rank's programs between its arena and what is offloaded: a lane for each
// direction.
//
// Used by one thread (lanes are its own).
#pragma once

#include <atomic>
#include <memory>

#include "execute/in_flight.h"
#include "ops/kernel_call.h"
#include "program/bind.h"
#include "program/calls.h"
#include "tensor/offload_store.h"

namespace tutti {

class Copies {
 public:
  // `spans` may be null.
  Copies(std::unique_ptr<OffloadStore> store, SpanRecorder* spans);

  // A fetch or store, whose operands are in place.
  LaneJob job(const BoundInstruction& bound);

  OffloadStore& store() { return *store_; }
  // By programs, since the start.
  CopiedBytes copied() const { return {in_bytes_, out_bytes_}; }

 private:
  std::unique_ptr<OffloadStore> store_;
  std::atomic<int64_t> in_bytes_ = 0, out_bytes_ = 0;
  TracedLane in_, out_;  // last: their jobs end before the rest goes
};

}  // namespace tutti
