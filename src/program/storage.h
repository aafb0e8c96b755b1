// Which values share storage, and for how long each storage is needed: the memory planner's input.
//
// A value's storage is another's when it is a view of it, part of a bucket, an update of something
// persistent, or written in place of an operand that dies. What remains are roots.
#pragma once

#include <vector>

#include "ops/op_def.h"
#include "program/stage_ops.h"

namespace tutti {

// Points of a microbatch's life, in order. A body's point is between its receive and its send.
struct LifePoint {
  int body = 0;  // of the stage's, by number
  int step = 1;  // 0 receive, 1 run, 2 send
  friend auto operator<=>(const LifePoint&, const LifePoint&) = default;
};

struct Storage {
  ValueId root;        // of this value's storage; itself for a root
  int64_t offset = 0;  // bytes into the root
  AxisList part;       // along these axes a rank has its own part of the root, from `offset` on
  int64_t part_bytes = 0;
  bool used = false;  // on this stage
};

struct RootLife {
  LifePoint born, dies;
  int first = 0, last = 0;  // instruction indices within the body, when born and dies share it
  bool kept = false;        // crosses regions, or is an output of the graph: lasts through the step
};

struct StorageMap {
  std::vector<Storage> of;      // by value
  std::vector<RootLife> lives;  // by value; meaningful for used roots
};

StorageMap share_storage(const Graph& graph, const OpTable& ops, const StageOps& stage);

}  // namespace tutti
